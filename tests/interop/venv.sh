# A Python environment with exactly what a requirements.txt pins, for the run.sh of a folder: `environment FOLDER`.
# A user needs only Rust and make: without Python or a package index it says SKIPPED, which is no failure.
# Where CI is set, it is.

skipped() {
    echo "SKIPPED: $folder: $1" >&2
    if [ -n "${CI:-}" ]; then
        echo "CI is set, and in CI what is skipped is a failure" >&2
        exit 1
    fi
    exit 0
}

# Sets `folder`, `target` and `venv`.
environment() {
    folder=$1
    target=${CARGO_TARGET_DIR:-target}
    venv=$target/venv-$(basename "$folder")
    command -v python3 >/dev/null 2>&1 || skipped "there is no python3"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || skipped "python3 is older than 3.11"
    mkdir -p "$target"
    if ! cmp -s "$folder/requirements.txt" "$venv/installed.txt"; then
        rm -rf "$venv"
        python3 -m venv "$venv" || skipped "python3 -m venv does not work"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$folder/requirements.txt" ||
            skipped "pip cannot install $folder/requirements.txt"
        cp "$folder/requirements.txt" "$venv/installed.txt"
    fi
    # Nothing of the user's own AWS settings may get in.
    unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_ENDPOINT_URL_ECR 2>/dev/null || true
}
