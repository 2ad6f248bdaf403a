#!/usr/bin/env bash
# One fuzz target for some seconds: fuzz_one.sh TARGET SECONDS. Quiet unless it finds something.
set -euo pipefail
cd "$(dirname "$0")/.."
work=build/fuzz/corpus/$1
mkdir -p "$work"
seeds=()
[ -d "fuzz/seeds/$1" ] && seeds+=("fuzz/seeds/$1")
log=build/fuzz/$1.log
if "build/fuzz/bin/$1" -max_total_time="$2" -max_len=4096 -rss_limit_mb=2048 -timeout=10 -artifact_prefix="build/fuzz/$1." \
     "$work" "${seeds[@]}" > "$log" 2>&1; then
  echo "$1: $(grep -E '^Done|stat::number_of_executed' "$log" | tail -1)"
else
  tail -n 40 "$log" >&2
  echo "$1: found something; the input is build/fuzz/$1.*" >&2
  exit 1
fi
