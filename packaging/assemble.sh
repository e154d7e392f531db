#!/usr/bin/env bash
# Adds to the files of a release what is made from them: `packaging/assemble.sh FOLDER OWNER/REPOSITORY`.
# Templates that need no build, the Homebrew formula, and checksums of all; in sboms/ the two that are attested.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
repository=$2

for zip in "$folder"/ecr-janitor-lambda-*.zip; do
    architecture=${zip##*-}
    python3 -B "$here/prebuilt.py" "$zip" >"$folder/ecr-janitor-${architecture%.zip}.yaml"
done

mkdir -p sboms
cp "$folder"/ecr-janitor-[0-9]*-x86_64-unknown-linux-musl.cdx.json sboms/command-line.json
cp "$folder"/ecr-janitor-lambda-*-arm64.cdx.json sboms/function.json

cd "$folder"
rm -f SHA256SUMS ecr-janitor.rb
sha256sum -- * >SHA256SUMS.new
mv SHA256SUMS.new SHA256SUMS
python3 -B "$here/formula.py" "$repository" SHA256SUMS >ecr-janitor.rb
sha256sum ecr-janitor.rb >>SHA256SUMS
