#!/bin/sh
# The page of --output html in a real browser, with axe's rules of accessibility. called by `make page`.
# Without Node, npm or Chromium it says SKIPPED, which is no failure.
set -eu
cd "$(dirname "$0")/../.."

skipped() {
    echo "SKIPPED: tests/page: $1" >&2
    exit 0
}

browser() {
    for name in chromium chromium-browser google-chrome-stable google-chrome; do
        command -v "$name" && return
    done
    return 1
}

command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || skipped "there is no node or npm"
node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' || skipped "node is older than 20"
if [ -n "${CI:-}" ] && ! browser >/dev/null && command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium || echo "chromium could not be installed" >&2
fi
CHROMIUM=${CHROMIUM:-$(browser || true)}
[ -n "$CHROMIUM" ] || skipped "there is no Chromium (apt-get install chromium, or set CHROMIUM)"

mkdir -p "${CARGO_TARGET_DIR:-target}/page/pages"
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
if ! cmp -s tests/page/package-lock.json "$target/page/installed.json"; then
    cp tests/page/package.json tests/page/package-lock.json "$target/page/"
    (cd "$target/page" && npm ci --ignore-scripts --no-audit --no-fund --silent) || skipped "npm cannot install what tests/page/package-lock.json pins"
    cp tests/page/package-lock.json "$target/page/installed.json"
fi

cargo=${CARGO:-cargo}
# What `cargo test` builds is taken as it is: a build of one program alone has other features, and takes minutes more.
$cargo test --locked --quiet --workspace --no-run
PAGES=$target/page/pages $cargo test --locked --quiet --lib render::page
JANITOR=$target/debug/ecr-janitor
export CHROMIUM JANITOR PAGE_FOLDER="$target/page"
exec node --test --test-reporter=spec tests/page/page.test.mjs "$@"
