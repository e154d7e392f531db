#!/bin/sh
# The outside witnesses: AWS's own clients, skopeo and moto, against the real binaries. Called by `make witnesses`.
# A user needs only Rust and make: without Python or a package index this says SKIPPED and is no failure.
# Where CI is set, it is.
set -eu
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
venv=$target/witnesses-venv

skipped() {
    echo "SKIPPED: the witnesses: $1" >&2
    if [ -n "${CI:-}" ]; then
        echo "CI is set, and in CI a skipped witness is a failure" >&2
        exit 1
    fi
    exit 0
}

command -v python3 >/dev/null 2>&1 || skipped "there is no python3"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || skipped "python3 is older than 3.11"

mkdir -p "$target"
if ! cmp -s witnesses/requirements.txt "$venv/installed.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv" || skipped "python3 -m venv does not work"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r witnesses/requirements.txt ||
        skipped "pip cannot install witnesses/requirements.txt"
    cp witnesses/requirements.txt "$venv/installed.txt"
fi

if [ -n "${CI:-}" ] && ! command -v skopeo >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && apt-get install -y -qq skopeo || echo "skopeo could not be installed" >&2
fi

if ! command -v skopeo >/dev/null 2>&1; then
    echo "SKIPPED: the witnesses: there is no skopeo, so nothing is pushed or copied with it" >&2
fi

cargo=${CARGO:-cargo}
$cargo build --locked --quiet -p ecr-emulator --bin ecr-emulator
$cargo build --locked --quiet --bin ecr-janitor
binaries=$(cd "$target/debug" && pwd)
export WITNESS_BINARIES="$binaries"
# Nothing of the user's own AWS settings may get in.
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_ENDPOINT_URL_ECR 2>/dev/null || true
exec "$venv/bin/python" -B -m pytest -q -rsx -p no:cacheprovider witnesses "$@"
