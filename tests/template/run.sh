#!/bin/sh
# What proves the templates without an AWS account: `tests/template/run.sh lint`, `tests/template/run.sh test [pytest's arguments]`.
# Called by `make lint`, `make test` and `make template`.
set -eu
cd "$(dirname "$0")/../.."
. tests/interop/venv.sh
environment tests/template

# SAM and cargo-lambda are found by name, and report to nobody.
PATH=$(cd "$venv/bin" && pwd):$PATH
export PATH AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0

task=$1
shift
case $task in
lint)
    sam validate --lint
    cfn-lint --regions us-east-1 eu-central-1 us-gov-west-1 cn-north-1 --template template.yaml template-fleet.yaml template-member.yaml
    ;;
test)
    cargo=${CARGO:-cargo}
    # What `cargo test` builds is taken as it is: a build of one program alone has other features, and takes minutes more.
    $cargo test --locked --quiet --workspace --no-run
    WITNESS_BINARIES=$(cd "$target/debug" && pwd)
    # The AWS CLI wants another botocore than SAM.
    (environment tests/interop)
    AWS_CLI=$(cd "$target/venv-interop/bin" 2>/dev/null && pwd || true)
    export WITNESS_BINARIES AWS_CLI
    # Only a function for this machine's own architecture can be run on it. A target of its own keeps the one that
    # `make build` made.
    architecture=$(uname -m | sed s/aarch64/arm64/)
    CARGO_TARGET_DIR=$(cd "$target" && pwd)/sam sam build --parameter-overrides "Architecture=$architecture"
    # The second validator of the state machine is of npm; a test says so where it is missing.
    if command -v npm >/dev/null 2>&1; then
        mkdir -p "$target/asl"
        if ! cmp -s tests/template/package-lock.json "$target/asl/installed.json"; then
            cp tests/template/package.json tests/template/package-lock.json "$target/asl/"
            (cd "$target/asl" && npm ci --ignore-scripts --no-audit --no-fund --silent) &&
                cp tests/template/package-lock.json "$target/asl/installed.json"
        fi
        ASL_VALIDATOR=$(cd "$target/asl" && pwd)/node_modules/.bin/asl-validator
        export ASL_VALIDATOR
    fi
    exec python -B -m pytest -q -rsx -p no:cacheprovider -o pythonpath=tests/interop tests/template "$@"
    ;;
*)
    echo "tests/template/run.sh lint | test" >&2
    exit 2
    ;;
esac
