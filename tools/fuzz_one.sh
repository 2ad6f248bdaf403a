#!/usr/bin/env bash
# One fuzz target for some seconds: fuzz_one.sh TARGET SECONDS. Quiet unless it finds something. What it learns stays
# in build/asan/corpus, so the next run begins where this one ended.
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/asan
corpora=("$build/corpus/$1")
mkdir -p "${corpora[0]}"
[ ! -d "fuzz/seeds/$1" ] || corpora+=("fuzz/seeds/$1")
log=$build/$1.log
if "$build/bin/$1" -max_total_time="$2" -max_len=4096 -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 \
     -artifact_prefix="$build/$1." "${corpora[@]}" > "$log" 2>&1; then
  echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
else
  tail -n 40 "$log" >&2
  echo "$1: found something; the input is $build/$1.*" >&2
  exit 1
fi
