#!/bin/sh
# Lints the workflows, the action and the scripts of packages, without a network. Called by `make lint`; skipped without Python.
# Their tests are among those of the template, tests/template/test_packages.py and test_action.py.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/interop/venv.sh
. tests/interop/venv.sh
environment tests/packaging
PATH=$(cd "$venv/bin" && pwd):$PATH

check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml
zizmor --quiet --offline --persona pedantic .github/workflows action.yml
shellcheck --external-sources .ci/run packaging/*.sh packaging/action/*.sh tests/packaging/run.sh
python3 -B tests/packaging/runs.py .github/workflows/*.yml action.yml | xargs -0 -n 1 shellcheck --shell bash --external-sources
# Where it is installed: it knows the types of expressions too.
if command -v actionlint >/dev/null 2>&1; then
    actionlint
fi
packaging/site.sh
