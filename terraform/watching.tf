# Alarms, queries and the dashboard are those of template.yaml: settings/watching.json is made from it.

resource "aws_cloudwatch_metric_alarm" "janitor" {
  for_each            = module.settings.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = tonumber(each.value.evaluations)
  threshold           = each.value.threshold
  comparison_operator = each.value.comparison
  treat_missing_data  = each.value.missing
  actions_enabled     = !(each.value.silent_in_plan && var.mode == "plan")
  alarm_actions       = compact([var.alarm_topic_arn])
  ok_actions          = compact([var.alarm_topic_arn])
}

resource "aws_cloudwatch_dashboard" "janitor" {
  dashboard_name = var.name
  dashboard_body = module.settings.dashboard
}

resource "aws_cloudwatch_query_definition" "janitor" {
  for_each        = module.settings.queries
  name            = "${var.name}/${each.key}"
  log_group_names = [aws_cloudwatch_log_group.function.name]
  query_string    = each.value
}
