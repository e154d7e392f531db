output "function_name" {
  value = aws_lambda_function.janitor.function_name
}

output "function_arn" {
  value = aws_lambda_function.janitor.arn
}

output "role_arn" {
  description = "What it may do"
  value       = aws_iam_role.function.arn
}

output "log_group_name" {
  description = "The record of what was done. It stays when the module is destroyed"
  value       = aws_cloudwatch_log_group.function.name
}

output "undelivered_queue_url" {
  description = "Events that could not be handed to the function"
  value       = aws_sqs_queue.undelivered.id
}

output "failed_queue_url" {
  description = "Events of invocations that failed"
  value       = aws_sqs_queue.failed.id
}

output "shared_memory" {
  description = "In your shell, this lets your own runs share the function's memory"
  value       = module.settings.remembers_here ? "export JANITOR_MEMORY_LOCATION=s3://${aws_s3_bucket.state[0].bucket}" : null
}

output "shared_backups" {
  description = "In your shell, this lets you restore what the function deleted"
  value       = module.settings.backs_up_here ? "export JANITOR_BACKUP_LOCATION=s3://${aws_s3_bucket.state[0].bucket}" : null
}
