#!/usr/bin/env bash
# Downloads a release of ecr-janitor and checks it against its checksums; the output `folder` is where it is.
# RELEASES: the address of the releases; RELEASE: for example 0.1.0 or v0.1.0; RUNNER_OS, RUNNER_ARCH: of the machine.
set -euo pipefail

fail() {
    echo "::error title=ecr-janitor::$1" >&2
    exit 1
}

version=${RELEASE#v}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$ ]] ||
    fail "\"$RELEASE\" is no version: pin the action to a release (@v0.1.0), or give the input \"version\""

case $RUNNER_OS-$RUNNER_ARCH in
Linux-X64) target=x86_64-unknown-linux-musl ;;
Linux-ARM64) target=aarch64-unknown-linux-musl ;;
macOS-X64) target=x86_64-apple-darwin ;;
macOS-ARM64) target=aarch64-apple-darwin ;;
*) fail "there is no release for $RUNNER_OS on $RUNNER_ARCH: use a Linux or macOS runner, or give the input \"binary\"" ;;
esac

name=ecr-janitor-$version-$target
folder=$RUNNER_TEMP/ecr-janitor-$version
mkdir -p "$folder"
cd "$folder"
for file in "$name.tar.gz" SHA256SUMS; do
    curl --fail --silent --show-error --location --retry 3 --output "$file" "$RELEASES/download/v$version/$file" ||
        fail "cannot download $RELEASES/download/v$version/$file"
done

# macOS has no sha256sum.
sum=$(command -v sha256sum || echo "shasum --algorithm 256")
grep -E "^[0-9a-f]{64} [ *]$name\.tar\.gz\$" SHA256SUMS >expected || fail "SHA256SUMS does not name $name.tar.gz"
$sum --check expected >/dev/null || fail "$name.tar.gz does not have the checksum of its release: do not use it"

tar -xzf "$name.tar.gz"
echo "folder=$folder/$name" >>"$GITHUB_OUTPUT"
