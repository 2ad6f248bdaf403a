#!/usr/bin/env bash
# Builds one target of the configured release tree, and says beforehand how long that may take: build.sh TARGET JOBS.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$1
jobs=$2

missing=0
while read -r object; do
  [ -e "build/release/$object" ] || missing=$((missing + 1))
done < <(ninja -C build/release -t inputs "$target" | grep '\.o$')

# One object, of one file or of eight, takes six to seven seconds of a core.
if [ "$missing" -gt 10 ]; then
  echo "build: compiling $missing files with $jobs jobs, about $(((missing * 13 / 2 / jobs + 59) / 60)) min"
else
  echo "build: bringing $target up to date"
fi
exec cmake --build build/release -j "$jobs" --target "$target"
