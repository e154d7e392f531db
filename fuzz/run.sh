#!/usr/bin/env bash
# Throws hostile input at every target for some seconds each: fuzz/run.sh [SECONDS] [TARGET...]
# What libFuzzer finds worth keeping lies in fuzz/target/corpus, what breaks a promise in fuzz/artifacts.
#
# Stable Rust is enough: what cargo-fuzz needs nightly for are sanitizers, and everything of ours is safe Rust.
set -euo pipefail
cd "$(dirname "$0")"

seconds="${1:-60}"
shift || true

if ! "${CXX:-c++}" --version >/dev/null 2>&1; then
  printf '\n%s\n\n' "SKIPPED: fuzzing with libFuzzer: it needs a C++ compiler (c++). tests/fuzz_corpus.rs runs the same targets without." >&2
  exit 0
fi

if [ $# -eq 0 ]; then
  set -- corpus/*
  set -- "${@#corpus/}"
fi

# With a target triple of its own, build scripts and macros are left uninstrumented.
host="$(rustc -vV | sed -n 's/^host: //p')"
RUSTFLAGS="--cfg fuzzing -Cdebug-assertions -Cpasses=sancov-module \
  -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares" \
  "${CARGO:-cargo}" build --locked --release --bins --target "$host" --target-dir target

for target in "$@"; do
  mkdir -p "target/corpus/$target" "artifacts/$target"
  log="target/$target.log"
  if ! "target/$host/release/$target" "target/corpus/$target" "corpus/$target" -artifact_prefix="artifacts/$target/" \
    -max_total_time="$seconds" -max_len=20000 -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 >"$log" 2>&1; then
    grep -vE '^ +[0-9]+:|^ +at |NEW|REDUCE|pulse' "$log" | tail -n 40 >&2
    echo "a promise was broken: fuzz/artifacts/$target" >&2
    exit 1
  fi
  awk -v target="$target" '/^stat::number_of_executed_units/ { n = $2 } /^stat::peak_rss_mb/ { mb = $2 }
    END { printf "%-14s %d executions, at most %d MB\n", target, n, mb }' "$log"
done
