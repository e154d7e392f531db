# What follows from the variables alone: conditions, the function's environment, the statements of its role, its alarms.
# It needs no provider, so that a test can hold it against template.yaml and `ecr-janitor iam-policy`.

variable "given" {
  description = "The variables of the module around this one"
  type        = any
}

variable "place" {
  description = "Where it is deployed: partition, region, account, and the names and ARNs of what it uses"
  type        = any
}

locals {
  given = var.given
  place = var.place

  applies            = local.given.mode == "apply"
  deletes_superseded = local.given.superseded == "delete" || (local.given.superseded == null && local.given.preset == "recommended") || local.given.config_deletes
  deletes            = local.applies && (local.given.orphaned == null || local.given.orphaned == "delete" || local.deletes_superseded)
  tags               = local.applies && (contains([for one in [local.given.orphaned, local.given.superseded, local.given.attached] : one == "tag"], true) || local.given.config_tags)

  # Memory and backups.
  is_here        = { for name in ["memory_location", "backup_location"] : name => local.given[name] == null || local.given[name] == "auto" }
  remembers      = local.given.memory_location != "none"
  remembers_here = local.is_here.memory_location
  keeps_backups  = local.given.backup_keep != "0d"
  backs_up_here  = local.keeps_backups && local.is_here.backup_location
  backs_up       = local.deletes && local.keeps_backups && local.given.backup_location != "none"
  has_bucket     = local.remembers_here || local.backs_up_here
  memory         = local.remembers_here ? local.place.bucket : trimprefix(local.given.memory_location, "s3://")
  backup         = local.backs_up_here ? local.place.bucket : local.given.backup_location == null ? "" : trimprefix(local.given.backup_location, "s3://")

  lists   = { for name in ["repositories", "exclude"] : name => length(local.given[name]) == 0 ? null : join(",", local.given[name]) }
  sources = compact(concat(local.given.in_use_sources, [local.given.in_use_list]))

  variables = {
    JANITOR_CONFIG                  = local.given.config_layer_arn == null ? null : "/opt/janitor.toml"
    JANITOR_MODE                    = local.given.mode
    JANITOR_REQUIRE_TAG             = local.given.require_tag_key == null ? null : "${local.given.require_tag_key}=${local.given.require_tag_value == null ? "" : local.given.require_tag_value}"
    JANITOR_REPOSITORIES            = local.lists.repositories
    JANITOR_EXCLUDE                 = local.lists.exclude
    JANITOR_PRESET                  = local.given.preset
    JANITOR_GRACE_PERIOD            = local.given.grace_period
    JANITOR_ORPHANED                = local.given.orphaned
    JANITOR_ORPHANED_WITH_SUBJECT   = local.given.orphaned_with_subject
    JANITOR_SUPERSEDED              = local.given.superseded
    JANITOR_SUPERSEDED_AFTER        = local.given.superseded_after
    JANITOR_SUPERSEDED_SINCE        = local.given.superseded_since
    JANITOR_SUPERSEDED_IMAGES       = local.given.superseded_images
    JANITOR_SUPERSEDED_WITHOUT_TAGS = local.given.superseded_without_tags
    JANITOR_REFERRERS               = local.given.referrers
    JANITOR_KEEP_PULLED_WITHIN      = local.given.keep_pulled_within
    JANITOR_ATTACHED                = local.given.attached
    JANITOR_REPLICATED              = local.given.replicated
    JANITOR_TAG_TEMPLATE            = local.given.tag_template
    JANITOR_MAX_DELETIONS           = local.given.max_deletions
    JANITOR_MAX_IMAGES_SHARE        = local.given.max_images_share
    JANITOR_MAX_TAG_LOSS            = local.given.max_tag_loss
    JANITOR_CONCURRENCY             = local.given.concurrency
    JANITOR_MEMORY_LOCATION         = local.given.memory_location
    JANITOR_MEMORY_STATEMENTS       = local.given.memory_statements
    JANITOR_BACKUP_KEEP             = local.given.backup_keep
    JANITOR_BACKUP_LOCATION         = local.given.backup_location
    JANITOR_IN_USE_SOURCES          = length(local.sources) == 0 ? null : join(",", local.sources)
    JANITOR_IN_USE_MAX_AGE          = local.given.in_use_max_age
    JANITOR_STATE_BUCKET            = local.has_bucket ? local.place.bucket : null
  }

  registry = "arn:${local.place.partition}:ecr:${local.place.region}:${local.place.account}:repository"
  selected = [for one in(length(local.given.repositories) == 0 ? ["*"] : local.given.repositories) : "${local.registry}/${one}"]
  objects  = "arn:${local.place.partition}:s3:::"
  tagged   = local.given.require_tag_key == null ? {} : { Condition = { StringEquals = { "aws:ResourceTag/${local.given.require_tag_key}" = local.given.require_tag_value == null ? "" : local.given.require_tag_value } } }

  # Each with whether it is there. As JSON, so that all have one type.
  registry_statements = [
    { when = true, json = jsonencode({ Sid = "Discover", Effect = "Allow", Action = ["ecr:DescribeRepositories"], Resource = ["${local.registry}/*"] }) },
    { when = true, json = jsonencode({ Sid = "PullThroughRules", Effect = "Allow", Action = ["ecr:DescribePullThroughCacheRules"], Resource = ["*"] }) },
    { when = true, json = jsonencode({
      Sid = "Read", Effect = "Allow", Resource = local.selected,
      Action = concat(
        ["ecr:DescribeImages", "ecr:BatchGetImage"],
        local.given.require_tag_key == null ? [] : ["ecr:ListTagsForResource"],
        local.backs_up || local.given.memory_statements == "newest" ? ["ecr:GetDownloadUrlForLayer"] : [],
      )
    }) },
    { when = local.deletes_superseded, json = jsonencode({ Sid = "ReplicationRules", Effect = "Allow", Action = ["ecr:DescribeRegistry"], Resource = ["*"] }) },
    { when = local.deletes, json = jsonencode(merge({ Sid = "Delete", Effect = "Allow", Action = ["ecr:BatchDeleteImage"], Resource = local.selected }, local.tagged)) },
    { when = local.tags, json = jsonencode(merge({ Sid = "Tag", Effect = "Allow", Action = ["ecr:PutImage"], Resource = local.selected }, local.tagged)) },
    { when = length(local.given.exclude) > 0 && (local.deletes || local.tags), json = jsonencode({
      Sid      = "KeepExcluded", Effect = "Deny", Action = ["ecr:BatchDeleteImage", "ecr:PutImage"],
      Resource = [for one in local.given.exclude : "${local.registry}/${one}"]
    }) },
  ]

  state_statements = [
    { when = local.remembers, json = jsonencode({ Sid = "Memory", Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = ["${local.objects}${local.memory}/memory/*"] }) },
    # Without it S3 denies what is not there.
    { when = local.remembers, json = jsonencode({
      Sid       = "MemoryMissing", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["${local.objects}${split("/", local.memory)[0]}"]
      Condition = { StringLikeIfExists = { "s3:prefix" = "*memory/*" } }
    }) },
    { when = local.backs_up, json = jsonencode({ Sid = "Backups", Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = ["${local.objects}${local.backup}/backup/*"] }) },
    { when = local.backs_up, json = jsonencode({
      Sid       = "BackupsMissing", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["${local.objects}${split("/", local.backup)[0]}"]
      Condition = { StringLikeIfExists = { "s3:prefix" = "*backup/*" } }
    }) },
    # Were it ever deleted, anybody could take its name.
    { when = local.has_bucket, json = jsonencode({
      Sid       = "OnlyOwnBucket", Effect = "Deny", Action = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]
      Resource  = ["${local.objects}${local.place.bucket}", "${local.objects}${local.place.bucket}/*"]
      Condition = { StringNotEquals = { "aws:ResourceAccount" = local.place.account } }
    }) },
  ]

  function_statements = [
    { when = contains(local.given.in_use_sources, "lambda"), json = jsonencode({ Sid = "InUseLambda", Effect = "Allow", Action = ["lambda:ListFunctions", "lambda:GetFunction"], Resource = ["*"] }) },
    { when = contains(local.given.in_use_sources, "ecs"), json = jsonencode({
      Sid = "InUseEcs", Effect = "Allow", Resource = ["*"]
      Action = [
        "ecs:ListClusters", "ecs:ListServices", "ecs:DescribeServices", "ecs:DescribeServiceRevisions",
        "ecs:ListTasks", "ecs:DescribeTasks", "ecs:ListTaskDefinitionFamilies", "ecs:DescribeTaskDefinition",
      ]
    }) },
    { when = contains(local.given.in_use_sources, "inspector"), json = jsonencode({ Sid = "InUseInspector", Effect = "Allow", Action = ["inspector2:ListCoverage"], Resource = ["*"] }) },
    { when = local.given.in_use_list != null, json = jsonencode({
      Sid      = "InUseList", Effect = "Allow", Action = ["s3:GetObject"]
      Resource = ["${local.objects}${trimprefix(local.given.in_use_list == null ? "" : local.given.in_use_list, "s3://")}"]
    }) },
    { when = true, json = jsonencode({ Sid = "Log", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["${local.place.log_group_arn}:*"] }) },
    { when = true, json = jsonencode({ Sid = "Failed", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = [local.place.failed_queue_arn] }) },
    # Of these, only the one of the destination's own service can ever apply to its ARN.
    { when = local.given.on_success_arn != null, json = jsonencode({
      Sid = "Report", Effect = "Allow", Action = ["sqs:SendMessage", "sns:Publish", "lambda:InvokeFunction", "events:PutEvents"], Resource = [local.given.on_success_arn]
    }) },
    { when = local.given.image_actions, json = jsonencode({ Sid = "ImageActions", Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = [local.place.pushes_queue_arn] }) },
    { when = local.given.kms_key_arn != null, json = jsonencode({ Sid = "Key", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [local.given.kms_key_arn] }) },
    { when = local.given.tracing, json = jsonencode({ Sid = "Trace", Effect = "Allow", Action = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource = ["*"] }) },
  ]

  watching = jsondecode(templatefile("${path.module}/watching.json", {
    function            = local.place.function
    region              = local.place.region
    log_group           = local.place.log_group
    undelivered_queue   = local.place.undelivered_queue
    failed_queue        = local.place.failed_queue
    failed_pushes_queue = local.place.failed_pushes_queue
    missed_runs_days    = local.given.missed_runs_days
  }))
  needed = { nothing = true, schedule = local.given.schedule_enabled, image_actions = local.given.image_actions }
}

output "environment" {
  description = "The function's variables"
  value       = { for name, value in local.variables : name => tostring(value) if value != null }
}

output "policies" {
  description = "The policies of the function's role, as JSON"
  value = {
    for name, statements in { registry = local.registry_statements, state = local.state_statements, function = local.function_statements } :
    name => jsonencode({ Version = "2012-10-17", Statement = [for one in statements : jsondecode(one.json) if one.when] })
  }
}

# Known before anything is created, unlike the policies, which name what is.
output "has_state_policy" {
  value = local.remembers || local.backs_up || local.has_bucket
}

output "has_bucket" {
  description = "Whether memory or backups need a bucket of the module"
  value       = local.has_bucket
}

output "remembers_here" {
  value = local.remembers_here
}

output "backs_up_here" {
  value = local.backs_up_here
}

output "backup_days" {
  description = "After how many days the bucket forgets backups"
  value       = local.given.backup_keep == null || !local.keeps_backups ? 30 : tonumber(trimsuffix(local.given.backup_keep, "d"))
}

output "alarms" {
  description = "The alarms that these variables ask for, by the end of their names"
  value       = { for name, alarm in local.watching.alarms : name => alarm if local.needed[alarm.needs] }
}

output "queries" {
  description = "The saved queries, by name"
  value       = local.watching.queries
}

output "dashboard" {
  description = "The dashboard's body"
  value       = jsonencode(local.watching.dashboard)
}
