#!/usr/bin/env bash
# Fuzzes each target (or those named) for a time with libFuzzer. Usage: run.sh SECONDS [TARGET…]
# What is found lands in target/fuzz/artifacts; inputs that reach new code in target/fuzz/corpus.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
seconds=${1:-60}
shift || true
work=${CARGO_TARGET_DIR:-$here/../../target}/fuzz
if ! command -v cargo-fuzz >/dev/null 2>&1; then
  echo "hotpair: installing cargo-fuzz (cargo install)"
  cargo install --locked cargo-fuzz
fi
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <(cd "$here" && cargo fuzz list --fuzz-dir runner)
host=$(rustc -vV | sed -n 's/^host: //p')
# The sanitizers of cargo-fuzz need a nightly compiler and guard against what safe Rust excludes; overflow checks and
# assertions are on.
export CARGO_TARGET_DIR=$work/build
failed=()
for target in "${targets[@]}"; do
  mkdir -p "$work/corpus/$target" "$work/artifacts/$target"
  echo "== $target: $seconds s"
  if ! (cd "$here" && cargo fuzz run --fuzz-dir runner --sanitizer none --target "$host" "$target" \
    "$work/corpus/$target" "corpus/$target" -- -max_total_time="$seconds" -max_len=16384 -timeout=20 -rss_limit_mb=2048 \
    -print_final_stats=1 -verbosity=0 -artifact_prefix="$work/artifacts/$target/" 2>&1 | tee "$work/$target.log" | grep -E '^stat::|SUMMARY|panicked|ERROR|Done'); then
    failed+=("$target")
  fi
done
if [ "${#failed[@]}" -gt 0 ]; then
  echo "hotpair: found something in: ${failed[*]} (see $work/artifacts)" >&2
  exit 1
fi
