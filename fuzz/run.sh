#!/usr/bin/env bash
# Throws hostile input at every target for some seconds each: fuzz/run.sh [SECONDS] [TARGET...]
# What libFuzzer finds worth keeping lies in fuzz/target/corpus, what breaks a promise in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")"

seconds="${1:-60}"
shift || true

if ! cargo +nightly --version >/dev/null 2>&1 || ! cargo fuzz --version >/dev/null 2>&1; then
  printf '\n%s\n\n' "SKIPPED: fuzzing with libFuzzer: it needs nightly Rust and cargo-fuzz (rustup toolchain install nightly; cargo install --locked cargo-fuzz). tests/hostile.rs runs the same targets without." >&2
  exit 0
fi

if [ $# -eq 0 ]; then
  set -- corpus/*
  set -- "${@#corpus/}"
fi
# Everything of ours and most below it is safe Rust: no sanitizer, and several times as many tries instead.
cargo +nightly fuzz build --fuzz-dir . --sanitizer none
for target in "$@"; do
  mkdir -p "target/corpus/$target"
  log="target/$target.log"
  if ! cargo +nightly fuzz run --fuzz-dir . --sanitizer none "$target" "target/corpus/$target" "corpus/$target" -- \
    -max_total_time="$seconds" -max_len=20000 -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 >"$log" 2>&1; then
    grep -vE '^ +[0-9]+:|^ +at |NEW|REDUCE|pulse' "$log" | tail -n 40 >&2
    echo "a promise was broken: fuzz/artifacts/$target" >&2
    exit 1
  fi
  awk -v target="$target" '/^stat::number_of_executed_units/ { n = $2 } /^stat::peak_rss_mb/ { mb = $2 }
    END { printf "%-14s %d executions, at most %d MB\n", target, n, mb }' "$log"
done
