#!/bin/sh
# The outside witnesses: AWS's own clients, skopeo and moto, against the real binaries. called by `make interop`.
set -eu
cd "$(dirname "$0")/../.."
. tests/interop/venv.sh
environment tests/interop

if [ -n "${CI:-}" ] && ! command -v skopeo >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && apt-get install -y -qq skopeo || echo "skopeo could not be installed" >&2
fi

if ! command -v skopeo >/dev/null 2>&1; then
    echo "SKIPPED: the witnesses: there is no skopeo, so nothing is pushed or copied with it" >&2
fi

cargo=${CARGO:-cargo}
# What `cargo test` builds is taken as it is: a build of one program alone has other features, and takes minutes more.
$cargo test --locked --quiet --workspace --no-run
$cargo build --locked --quiet -p usage-test-server --bin usage-test-server
WITNESS_BINARIES=$(cd "$target/debug" && pwd)
export WITNESS_BINARIES
exec "$venv/bin/python" -B -m pytest -q -rsx -p no:cacheprovider tests/interop "$@"
