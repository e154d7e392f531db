# Made from template.yaml by tests/template/terraform.py; a test compares the two. What is null sets nothing: then the
# file in the layer holds, else the built-in default.

variable "name" {
  description = "The name of the function, and the beginning of all other names"
  type        = string
  default     = "ecr-janitor"
}

variable "filename" {
  description = "The function's zip, of a release or built by cargo lambda"
  type        = string
}

variable "mode" {
  description = "\"plan\" only reports; \"apply\" carries the plan out. Always set, whatever the file says."
  type        = string
  default     = "plan"

  validation {
    condition     = contains(["plan", "apply"], var.mode)
    error_message = "mode must be one of plan, apply."
  }
}

variable "repositories" {
  description = "Which repositories; * and ? match any characters, / included. The role may read (and write) these only."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.repositories : can(regex("^[a-z0-9._*?/-]{1,256}$", one))])
    error_message = "repositories must be at most 60 names or patterns in lower case, separated by commas without spaces, for example team/*,web."
  }
}

variable "exclude" {
  description = "Repositories to leave out. The role is denied any write there."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.exclude : can(regex("^[a-z0-9._*?/-]{1,256}$", one))])
    error_message = "exclude must be at most 60 names or patterns in lower case, separated by commas without spaces, for example team/*,web."
  }
}

variable "require_tag_key" {
  description = "Only repositories that carry this resource tag, with the value RequireTagValue, take part; the role cannot write to any other."
  type        = string
  default     = null

  validation {
    condition     = var.require_tag_key == null ? true : can(regex("^([A-Za-z0-9+._:/@-]{1,128})?$", var.require_tag_key))
    error_message = "require_tag_key must be the key of a resource tag, without spaces, commas and equals signs."
  }
}

variable "require_tag_value" {
  description = "The value that the tag must have, for example \"enabled\". Left empty, it must be empty."
  type        = string
  default     = null

  validation {
    condition     = var.require_tag_value == null ? true : can(regex("^[A-Za-z0-9+._:/@=-]{0,256}$", var.require_tag_value))
    error_message = "require_tag_value must be the value of a resource tag, without spaces and commas."
  }
}

variable "preset" {
  description = "\"recommended\" sets Superseded and SupersededImages to \"delete\", Referrers to \"follow\". What is given beside it wins."
  type        = string
  default     = null

  validation {
    condition     = var.preset == null ? true : contains(["orphans", "recommended"], var.preset)
    error_message = "preset must be one of orphans, recommended."
  }
}

variable "grace_period" {
  description = "Nothing younger is touched, since a push in flight stores attestations before their index."
  type        = string
  default     = null

  validation {
    condition     = var.grace_period == null ? true : can(regex("^([1-9][0-9]{0,3}[hdw])?$", var.grace_period))
    error_message = "grace_period must be at least one hour, for example 48h, 30d or 2w."
  }
}

variable "orphaned" {
  description = "Attestations that no index lists."
  type        = string
  default     = null

  validation {
    condition     = var.orphaned == null ? true : contains(["keep", "tag", "delete"], var.orphaned)
    error_message = "orphaned must be one of keep, tag, delete."
  }
}

variable "orphaned_with_subject" {
  description = "Orphaned attestations whose image still exists: keep the newest, or delete."
  type        = string
  default     = null

  validation {
    condition     = var.orphaned_with_subject == null ? true : contains(["keep", "delete"], var.orphaned_with_subject)
    error_message = "orphaned_with_subject must be one of keep, delete."
  }
}

variable "superseded" {
  description = "Attestations whose indexes have all lost their tags. \"delete\" takes those indexes first."
  type        = string
  default     = null

  validation {
    condition     = var.superseded == null ? true : contains(["keep", "tag", "delete"], var.superseded)
    error_message = "superseded must be one of keep, tag, delete."
  }
}

variable "superseded_after" {
  description = "How long ago such an index must have lost its tag."
  type        = string
  default     = null

  validation {
    condition     = var.superseded_after == null ? true : can(regex("^([0-9]{1,4}[hdw])?$", var.superseded_after))
    error_message = "superseded_after must be a duration, for example 48h, 30d or 2w."
  }
}

variable "superseded_since" {
  description = "What SupersededAfter counts from: the first run that saw the index untagged, or its push."
  type        = string
  default     = null

  validation {
    condition     = var.superseded_since == null ? true : contains(["untagged", "push"], var.superseded_since)
    error_message = "superseded_since must be one of untagged, push."
  }
}

variable "superseded_images" {
  description = "Whether the platform images that only the deleted indexes listed go with them."
  type        = string
  default     = null

  validation {
    condition     = var.superseded_images == null ? true : contains(["keep", "delete"], var.superseded_images)
    error_message = "superseded_images must be one of keep, delete."
  }
}

variable "superseded_without_tags" {
  description = "\"delete\" also where no image bears a tag. Such a repository is used by digest."
  type        = string
  default     = null

  validation {
    condition     = var.superseded_without_tags == null ? true : contains(["keep", "delete"], var.superseded_without_tags)
    error_message = "superseded_without_tags must be one of keep, delete."
  }
}

variable "referrers" {
  description = "\"hold\": a signature or SBOM keeps the image it refers to. \"follow\": it is deleted after that image."
  type        = string
  default     = null

  validation {
    condition     = var.referrers == null ? true : contains(["hold", "follow"], var.referrers)
    error_message = "referrers must be one of hold, follow."
  }
}

variable "keep_pulled_within" {
  description = "A superseded index that was pulled this recently is in use by digest, and kept. See PullTimeExclusion."
  type        = string
  default     = null

  validation {
    condition     = var.keep_pulled_within == null ? true : can(regex("^([0-9]{1,4}[hdw])?$", var.keep_pulled_within))
    error_message = "keep_pulled_within must be a duration, for example 48h, 30d or 2w."
  }
}

variable "pull_time_exclusion" {
  description = "\"yes\" tells ECR not to record the function's reads as pulls, which lifecycle rules would count too. With \"no\" the function knows its own reads by its memory alone."
  type        = bool
  default     = true
}

variable "attached" {
  description = "Attestations of tagged images. ECR refuses to delete these."
  type        = string
  default     = null

  validation {
    condition     = var.attached == null ? true : contains(["keep", "tag"], var.attached)
    error_message = "attached must be one of keep, tag."
  }
}

variable "replicated" {
  description = "\"delete\" what is superseded also where a replication rule carries deletions to other registries."
  type        = string
  default     = null

  validation {
    condition     = var.replicated == null ? true : contains(["keep", "delete"], var.replicated)
    error_message = "replicated must be one of keep, delete."
  }
}

variable "tag_template" {
  description = "The tag that \"tag\" writes. {digest} must be in it; there are also {platform} and {subject}."
  type        = string
  default     = null
}

variable "max_deletions" {
  description = "Deletions in one run. The rest of a larger plan waits for the next runs."
  type        = string
  default     = null

  validation {
    condition     = var.max_deletions == null ? true : can(regex("^(0|[1-9][0-9]{0,6})?$", var.max_deletions))
    error_message = "max_deletions must be a whole number."
  }
}

variable "max_images_share" {
  description = "Share of a repository's platform images that one run may delete. The rest waits for the next runs."
  type        = string
  default     = null

  validation {
    condition     = var.max_images_share == null ? true : can(regex("^(0(\\.[0-9]{1,4})?|1(\\.0{1,4})?)?$", var.max_images_share))
    error_message = "max_images_share must be a share from 0 to 1, for example 0.5."
  }
}

variable "max_tag_loss" {
  description = "If more than this share of a repository's tagged images lost every tag since the last run, nothing is written there."
  type        = string
  default     = null

  validation {
    condition     = var.max_tag_loss == null ? true : can(regex("^(0(\\.[0-9]{1,4})?|1(\\.0{1,4})?)?$", var.max_tag_loss))
    error_message = "max_tag_loss must be a share from 0 to 1, for example 0.5."
  }
}

variable "concurrency" {
  description = "How many API calls are in flight. \"auto\" finds what ECR takes."
  type        = string
  default     = null

  validation {
    condition     = var.concurrency == null ? true : can(regex("^(auto|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-6])?$", var.concurrency))
    error_message = "concurrency must be auto, or a number from 1 to 256."
  }
}

variable "memory_location" {
  description = "Where the function keeps what it learned. \"auto\" is the bucket of this stack."
  type        = string
  default     = null

  validation {
    condition     = var.memory_location == null ? true : can(regex("^(auto|none|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()=-]+)*)?$", var.memory_location))
    error_message = "memory_location must be auto, none, or s3://bucket/prefix without a slash at its end."
  }
}

variable "memory_statements" {
  description = "\"newest\" reads one statement of the newest push in each repository and run, to tell which pipeline makes the attestations, and lets the role download layers."
  type        = string
  default     = null

  validation {
    condition     = var.memory_statements == null ? true : contains(["none", "newest"], var.memory_statements)
    error_message = "memory_statements must be one of none, newest."
  }
}

variable "backup_keep" {
  description = "How long what was deleted can be restored. The bucket of this stack forgets backups after that; left empty, after 30 days."
  type        = string
  default     = null

  validation {
    condition     = var.backup_keep == null ? true : can(regex("^(0d|[1-9][0-9]{0,3}d)?$", var.backup_keep))
    error_message = "backup_keep must be whole days, for example 30d; 0d for no backups."
  }
}

variable "backup_location" {
  description = "Where backups go. \"auto\" is the bucket of this stack. With \"none\" and a BackupKeep above 0d nothing is applied."
  type        = string
  default     = null

  validation {
    condition     = var.backup_location == null ? true : can(regex("^(auto|none|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()=-]+)*)?$", var.backup_location))
    error_message = "backup_location must be auto, none, or s3://bucket/prefix without a slash at its end."
  }
}

variable "in_use_sources" {
  description = "Where to ask what runs, so that it stays however long ago it was pulled. What a source that cannot be read could have named stays, and the run fails. Lets the role read there."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.in_use_sources : can(regex("^(lambda|ecs|inspector)$", one))])
    error_message = "in_use_sources must be one of lambda, ecs, inspector, lambda,ecs, lambda,inspector, ecs,inspector, lambda,ecs,inspector."
  }
}

variable "in_use_list" {
  description = "One more such source, a list in a bucket with one image a line, for what the others do not see. Lets the role read it."
  type        = string
  default     = null

  validation {
    condition     = var.in_use_list == null ? true : can(regex("^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()=-]+)*/[A-Za-z0-9_.-]+)?$", var.in_use_list))
    error_message = "in_use_list must be s3://bucket/key."
  }
}

variable "in_use_max_age" {
  description = "The age from which the list counts as unreadable."
  type        = string
  default     = null

  validation {
    condition     = var.in_use_max_age == null ? true : can(regex("^([0-9]{1,4}[hdw])?$", var.in_use_max_age))
    error_message = "in_use_max_age must be hours, days or weeks, for example 48h."
  }
}

variable "config_layer_arn" {
  description = "A layer that holds janitor.toml (/opt/janitor.toml). Parameters win over it, its [[override]] sections over them."
  type        = string
  default     = null

  validation {
    condition     = var.config_layer_arn == null ? true : can(regex("^(arn:[a-z0-9-]+:lambda:[a-z0-9-]+:\\d{12}:layer:[A-Za-z0-9_-]+:\\d+)?$", var.config_layer_arn))
    error_message = "config_layer_arn must be the ARN of a version of a Lambda layer."
  }
}

variable "config_deletes" {
  description = "Whether that file says \"delete\" or \"recommended\", so that the role is allowed to."
  type        = bool
  default     = false
}

variable "config_tags" {
  description = "Whether that file says \"tag\", so that the role is allowed to."
  type        = bool
  default     = false
}

variable "schedule" {
  description = "When to run."
  type        = string
  default     = "cron(0 3 * * ? *)"

  validation {
    condition     = can(regex("^(rate\\([1-9][0-9]* (minutes?|hours?|days?)\\)|cron\\(\\S+( \\S+){5}\\))$", var.schedule))
    error_message = "schedule must be rate(1 day) or cron(0 3 * * ? *), as EventBridge Scheduler reads them."
  }
}

variable "schedule_timezone" {
  description = "The time zone of a cron schedule."
  type        = string
  default     = "UTC"

  validation {
    condition     = can(regex("^[A-Za-z0-9_+/-]{1,50}$", var.schedule_timezone))
    error_message = "schedule_timezone must be a name of the IANA time zone database, for example Europe/Berlin."
  }
}

variable "schedule_flexible_minutes" {
  description = "A run may begin this much later."
  type        = number
  default     = 15

  validation {
    condition     = var.schedule_flexible_minutes >= 0 && var.schedule_flexible_minutes <= 1440
    error_message = "schedule_flexible_minutes must be from 0 (at that very minute) to 1440."
  }
}

variable "schedule_enabled" {
  description = "\"false\" stops the schedule and leaves all else as it is."
  type        = bool
  default     = true
}

variable "image_actions" {
  description = "Also run, five to ten minutes later, in each repository that an index was pushed or replicated to. A burst of pushes makes one run."
  type        = bool
  default     = false
}

variable "architecture" {
  description = "Of the function. Say the same to \"sam build\"."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be one of arm64, x86_64."
  }
}

variable "timeout" {
  description = "Seconds. The function stops starting work in time, and says what it did not reach."
  type        = number
  default     = 900

  validation {
    condition     = var.timeout >= 30 && var.timeout <= 900
    error_message = "timeout must be from 30 to 900."
  }
}

variable "memory_size" {
  description = "MB. Processing power grows with it."
  type        = number
  default     = 256

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240
    error_message = "memory_size must be from 128 to 10240."
  }
}

variable "reserved_concurrency" {
  description = "With 1, runs never overlap. A new account can reserve nothing: its first deployment would be rolled back."
  type        = string
  default     = null

  validation {
    condition     = var.reserved_concurrency == null ? true : can(regex("^(none|[1-9])$", var.reserved_concurrency))
    error_message = "reserved_concurrency must be none, or from 1 to 9."
  }
}

variable "permissions_boundary_arn" {
  description = "For accounts in which roles need one."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null ? true : can(regex("^(arn:[a-z0-9-]+:iam::(\\d{12}|aws):policy/[\\w+=,.@/-]+)?$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy."
  }
}

variable "kms_key_arn" {
  description = "Encrypts the log group, the queues, the bucket and the function's environment. The key's policy must let logs.REGION.amazonaws.com and, with ImageActions, events.amazonaws.com use it."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^(arn:[a-z0-9-]+:kms:[a-z0-9-]+:\\d{12}:key/[a-f0-9-]+)?$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "alarm_topic_arn" {
  description = "Where alarms go, and word that they are over. The alarms are there without it too."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_topic_arn == null ? true : can(regex("^(arn:[a-z0-9-]+:sns:[a-z0-9-]+:\\d{12}:[A-Za-z0-9_-]+)?$", var.alarm_topic_arn))
    error_message = "alarm_topic_arn must be the ARN of a standard SNS topic (not .fifo)."
  }
}

variable "missed_runs_days" {
  description = "The alarm \"did-not-run\" goes off after as many days without a run; on a new stack until the first. Give more where Schedule pauses for more than a day."
  type        = number
  default     = 2

  validation {
    condition     = var.missed_runs_days >= 1 && var.missed_runs_days <= 7
    error_message = "missed_runs_days must be from 1 to 7."
  }
}

variable "on_success_arn" {
  description = "Where the report of each scheduled run goes."
  type        = string
  default     = null

  validation {
    condition     = var.on_success_arn == null ? true : can(regex("^(arn:[a-z0-9-]+:((sns|sqs):[a-z0-9-]+:\\d{12}:[A-Za-z0-9_-]+|(lambda|events):[a-z0-9-]+:\\d{12}:[A-Za-z0-9_:./-]+))?$", var.on_success_arn))
    error_message = "on_success_arn must be the ARN of a standard SNS topic or queue (not .fifo), a Lambda function or an event bus."
  }
}

variable "log_level" {
  description = "Decisions and metrics are INFO, so nothing above it is offered."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["INFO", "DEBUG"], var.log_level)
    error_message = "log_level must be one of INFO, DEBUG."
  }
}

variable "log_retention_days" {
  description = "The log says why each image was deleted or kept, and stays when the stack is deleted."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "tracing" {
  description = "Whether runs are traced with X-Ray."
  type        = bool
  default     = false
}

locals {
  given = {
    mode                      = var.mode
    repositories              = var.repositories
    exclude                   = var.exclude
    require_tag_key           = var.require_tag_key
    require_tag_value         = var.require_tag_value
    preset                    = var.preset
    grace_period              = var.grace_period
    orphaned                  = var.orphaned
    orphaned_with_subject     = var.orphaned_with_subject
    superseded                = var.superseded
    superseded_after          = var.superseded_after
    superseded_since          = var.superseded_since
    superseded_images         = var.superseded_images
    superseded_without_tags   = var.superseded_without_tags
    referrers                 = var.referrers
    keep_pulled_within        = var.keep_pulled_within
    pull_time_exclusion       = var.pull_time_exclusion
    attached                  = var.attached
    replicated                = var.replicated
    tag_template              = var.tag_template
    max_deletions             = var.max_deletions
    max_images_share          = var.max_images_share
    max_tag_loss              = var.max_tag_loss
    concurrency               = var.concurrency
    memory_location           = var.memory_location
    memory_statements         = var.memory_statements
    backup_keep               = var.backup_keep
    backup_location           = var.backup_location
    in_use_sources            = var.in_use_sources
    in_use_list               = var.in_use_list
    in_use_max_age            = var.in_use_max_age
    config_layer_arn          = var.config_layer_arn
    config_deletes            = var.config_deletes
    config_tags               = var.config_tags
    schedule                  = var.schedule
    schedule_timezone         = var.schedule_timezone
    schedule_flexible_minutes = var.schedule_flexible_minutes
    schedule_enabled          = var.schedule_enabled
    image_actions             = var.image_actions
    architecture              = var.architecture
    timeout                   = var.timeout
    memory_size               = var.memory_size
    reserved_concurrency      = var.reserved_concurrency
    permissions_boundary_arn  = var.permissions_boundary_arn
    kms_key_arn               = var.kms_key_arn
    alarm_topic_arn           = var.alarm_topic_arn
    missed_runs_days          = var.missed_runs_days
    on_success_arn            = var.on_success_arn
    log_level                 = var.log_level
    log_retention_days        = var.log_retention_days
    tracing                   = var.tracing
  }
}
