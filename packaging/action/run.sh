#!/usr/bin/env bash
# Plans into the job's summary, or applies a saved plan. BINARY: the folder of ecr-janitor; MODE: plan or
# apply; PLAN_FILE: where the plan is saved; CONFIG: the configuration file; REPOSITORIES: patterns, one a line or with
# commas; ARGUMENTS: more, one a line.
set -euo pipefail

fail() {
    echo "::error title=ecr-janitor::$1" >&2
    exit 2
}

# Lines, and parts between commas where $2 is set, without surrounding spaces; one each.
each() {
    local text=$1
    [[ -z ${2:-} ]] || text=${text//,/$'\n'}
    sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//' -e '/^$/d' <<<"$text"
}

arguments=(--output markdown)
[[ -z ${CONFIG:-} ]] || arguments+=(--config "$CONFIG")
while IFS= read -r line; do arguments+=("$line"); done < <(each "${ARGUMENTS:-}")

case $MODE in
plan)
    while IFS= read -r pattern; do arguments+=(--repository "$pattern"); done < <(each "${REPOSITORIES:-}" commas)
    command=("$BINARY/ecr-janitor" plan --exit-code --out "$PLAN_FILE" "${arguments[@]}")
    ;;
apply)
    [[ -z $(each "${REPOSITORIES:-}" commas) ]] ||
        fail "a saved plan is applied as it is: give \"repositories\" to the step that plans"
    [[ -f $PLAN_FILE ]] || fail "there is no plan at $PLAN_FILE: download the artifact of the job that planned, then apply"
    command=("$BINARY/ecr-janitor" apply "$PLAN_FILE" --yes "${arguments[@]}")
    ;;
*) fail "the input \"mode\" is plan or apply, not \"$MODE\"" ;;
esac

status=0
"${command[@]}" >>"$GITHUB_STEP_SUMMARY" || status=$?
changes=false
if [[ $MODE == plan && $status == 10 ]]; then
    changes=true
    status=0
fi
{
    echo "changes=$changes"
    echo "plan-file=$PLAN_FILE"
} >>"$GITHUB_OUTPUT"
exit "$status"
