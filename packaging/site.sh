#!/usr/bin/env bash
# The documentation site, in target/site/html: checks all links, and builds with mdBook where it is installed.
# URL: of the repository's files, for links to what is no page; on GitHub it is known.
set -euo pipefail
cd "$(dirname "$0")/.."
site=${CARGO_TARGET_DIR:-target}/site
if [[ -z ${URL:-} && -n ${GITHUB_REPOSITORY:-} ]]; then
    URL=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/blob/$GITHUB_SHA
fi
python3 -B packaging/book.py "$site" ${URL:+"$URL"}
if ! command -v mdbook >/dev/null; then
    echo "SKIPPED: the documentation site is not built: there is no mdbook (cargo install --locked mdbook)" >&2
    exit 0
fi
mdbook build "$site"
python3 -B packaging/book.py --built "$site/html"
echo "the site is $site/html/index.html"
