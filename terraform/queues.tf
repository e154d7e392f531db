# ---- What went wrong before or after a run -------------------------------------------------------------------------

resource "aws_sqs_queue" "undelivered" {
  name                      = "${var.name}-undelivered"
  message_retention_seconds = 1209600
  kms_master_key_id         = var.kms_key_arn
}

resource "aws_sqs_queue" "failed" {
  name                      = "${var.name}-failed"
  message_retention_seconds = 1209600
  kms_master_key_id         = var.kms_key_arn
}

# ---- After pushes: as in template.yaml -----------------------------------------------------------------------------

resource "aws_cloudwatch_event_rule" "pushes" {
  count       = var.image_actions ? 1 : 0
  name        = "${var.name}-pushes"
  description = "Pushes to Amazon ECR, for the ECR attestation janitor"
  event_pattern = jsonencode({
    source      = ["aws.ecr"]
    detail-type = ["ECR Image Action", "ECR Replication Action"]
    detail = {
      action-type = ["PUSH", "REPLICATE"]
      result      = ["SUCCESS"]
      manifest-media-type = [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        { exists = false },
      ]
    }
  })
}

resource "aws_cloudwatch_event_target" "pushes" {
  count = var.image_actions ? 1 : 0
  rule  = aws_cloudwatch_event_rule.pushes[0].name
  arn   = aws_sqs_queue.pushes[0].arn

  input_transformer {
    input_paths    = { repository = "$.detail.repository-name" }
    input_template = "{\"source\": \"aws.ecr\", \"detail-type\": \"ECR Image Action\", \"detail\": {\"action-type\": \"PUSH\", \"result\": \"SUCCESS\", \"repository-name\": <repository>}}"
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

resource "aws_sqs_queue" "pushes" {
  count                      = var.image_actions ? 1 : 0
  name                       = "${var.name}-pushes"
  delay_seconds              = 300
  visibility_timeout_seconds = 5700
  kms_master_key_id          = var.kms_key_arn
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.failed_pushes[0].arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "failed_pushes" {
  count                     = var.image_actions ? 1 : 0
  name                      = "${var.name}-failed-pushes"
  message_retention_seconds = 1209600
  kms_master_key_id         = var.kms_key_arn
}

resource "aws_sqs_queue_policy" "events" {
  for_each = var.image_actions ? {
    pushes      = { url = aws_sqs_queue.pushes[0].id, arn = aws_sqs_queue.pushes[0].arn }
    undelivered = { url = aws_sqs_queue.undelivered.id, arn = aws_sqs_queue.undelivered.arn }
  } : {}
  queue_url = each.value.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = each.value.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.pushes[0].arn } }
    }]
  })
}

resource "aws_lambda_event_source_mapping" "pushes" {
  count                              = var.image_actions ? 1 : 0
  event_source_arn                   = aws_sqs_queue.pushes[0].arn
  function_name                      = aws_lambda_function.janitor.arn
  batch_size                         = 1000
  maximum_batching_window_in_seconds = 300
  function_response_types            = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = 2
  }

  depends_on = [aws_iam_role_policy.function]
}
