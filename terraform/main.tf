data "aws_caller_identity" "here" {}
data "aws_partition" "here" {}
data "aws_region" "here" {}

module "settings" {
  source = "./settings"

  given = local.given
  place = {
    partition           = data.aws_partition.here.partition
    region              = data.aws_region.here.region
    account             = data.aws_caller_identity.here.account_id
    function            = var.name
    bucket              = one(aws_s3_bucket.state[*].bucket)
    log_group           = aws_cloudwatch_log_group.function.name
    log_group_arn       = aws_cloudwatch_log_group.function.arn
    undelivered_queue   = aws_sqs_queue.undelivered.name
    failed_queue        = aws_sqs_queue.failed.name
    failed_queue_arn    = aws_sqs_queue.failed.arn
    pushes_queue_arn    = one(aws_sqs_queue.pushes[*].arn)
    failed_pushes_queue = var.image_actions ? one(aws_sqs_queue.failed_pushes[*].name) : ""
  }
}

# ---- The function --------------------------------------------------------------------------------------------------

resource "aws_lambda_function" "janitor" {
  function_name                  = var.name
  description                    = "Removes attestation images that nothing needs from Amazon ECR"
  role                           = aws_iam_role.function.arn
  filename                       = var.filename
  source_code_hash               = filebase64sha256(var.filename)
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  memory_size                    = var.memory_size
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrency == null ? -1 : tonumber(var.reserved_concurrency)
  kms_key_arn                    = var.kms_key_arn
  layers                         = compact([var.config_layer_arn])

  environment {
    variables = module.settings.environment
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = var.log_level
    log_group             = aws_cloudwatch_log_group.function.name
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  lifecycle {
    precondition {
      condition     = var.require_tag_value == null || var.require_tag_key != null
      error_message = "require_tag_value is the value of a tag, so require_tag_key must be set too."
    }
    precondition {
      condition     = !(var.config_deletes || var.config_tags) || var.config_layer_arn != null
      error_message = "config_deletes and config_tags are about a file, so config_layer_arn must be set too."
    }
    precondition {
      condition     = var.mode == "plan" || var.backup_location != "none" || var.backup_keep == "0d"
      error_message = "Nothing is deleted without a backup: with backup_location \"none\", set backup_keep to \"0d\"."
    }
    precondition {
      condition     = var.superseded_images != "delete" || var.superseded == "delete" || (var.superseded == null && var.preset == "recommended") || var.config_deletes
      error_message = "superseded_images \"delete\" is about the indexes that superseded \"delete\" takes, so that must be set too."
    }
  }
}

resource "aws_lambda_function_event_invoke_config" "janitor" {
  function_name                = aws_lambda_function.janitor.function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 21600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failed.arn
    }
    dynamic "on_success" {
      for_each = compact([var.on_success_arn])
      content {
        destination = on_success.value
      }
    }
  }

  depends_on = [aws_iam_role_policy.function]
}

# The record of what was deleted: it stays when the module goes.
resource "aws_cloudwatch_log_group" "function" {
  name_prefix       = "/aws/lambda/${var.name}-"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  skip_destroy      = true
}

# ---- What it may do ------------------------------------------------------------------------------------------------

resource "aws_iam_role" "function" {
  name_prefix          = "${var.name}-"
  description          = "The ECR attestation janitor"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "registry" {
  name   = "registry"
  role   = aws_iam_role.function.id
  policy = module.settings.policies.registry

  lifecycle {
    precondition {
      condition     = sum([for policy in values(module.settings.policies) : length(policy)]) <= 10240
      error_message = "The role's policies have more than the 10,240 characters that IAM takes: use fewer or wider patterns."
    }
  }
}

resource "aws_iam_role_policy" "state" {
  count  = module.settings.has_state_policy ? 1 : 0
  name   = "state"
  role   = aws_iam_role.function.id
  policy = module.settings.policies.state
}

resource "aws_iam_role_policy" "function" {
  name   = "function"
  role   = aws_iam_role.function.id
  policy = module.settings.policies.function
}

# The janitor's own reads are no pulls.
resource "aws_ecr_pull_time_update_exclusion" "function" {
  count         = var.pull_time_exclusion ? 1 : 0
  principal_arn = aws_iam_role.function.arn
}

# ---- The schedule --------------------------------------------------------------------------------------------------

resource "aws_scheduler_schedule" "nightly" {
  name                         = var.name
  description                  = "Runs the ECR attestation janitor"
  schedule_expression          = var.schedule
  schedule_expression_timezone = var.schedule_timezone
  state                        = var.schedule_enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode                      = var.schedule_flexible_minutes == 0 ? "OFF" : "FLEXIBLE"
    maximum_window_in_minutes = var.schedule_flexible_minutes == 0 ? null : var.schedule_flexible_minutes
  }

  target {
    arn      = aws_lambda_function.janitor.arn
    role_arn = aws_iam_role.schedule.arn
    input = jsonencode({
      source      = "aws.scheduler"
      detail-type = "Scheduled Event"
      detail      = "{}"
    })

    # Of handing the event over only: a run that failed is not repeated, the next night does its work.
    retry_policy {
      maximum_retry_attempts       = 5
      maximum_event_age_in_seconds = 3600
    }

    dead_letter_config {
      arn = aws_sqs_queue.undelivered.arn
    }
  }
}

resource "aws_iam_role" "schedule" {
  name_prefix          = "${var.name}-schedule-"
  description          = "Starts the ECR attestation janitor on schedule"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.here.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  name = "start"
  role = aws_iam_role.schedule.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        { Sid = "Start", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = aws_lambda_function.janitor.arn },
        { Sid = "Undelivered", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = aws_sqs_queue.undelivered.arn },
      ],
      [for key in compact([var.kms_key_arn]) : { Sid = "Key", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = key }],
    )
  })
}
