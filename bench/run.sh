#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `make bench` runs: both benchmarks of docs/perf.md, one after the other, on the release build.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'END'
usage: bench/run.sh [options]
  --only pipeline|end-to-end   one of the two
  --runs N        end to end: runs of each contestant and test (3); medians are compared
  --seconds N     end to end: length of a run (5)
  --quick         one run of two seconds, fewer turns of the pipeline
  --realtime      real-time priority for every program measured, on a machine with other work
  --build DIR     what to measure (build/release)
  -o json         one JSON document instead of tables
END
}

build=build/release runs=3 seconds=5 turns=501 only= realtime=() output=table
while (($#)); do
  case $1 in
    --only) only=$2; shift ;;
    --runs) runs=$2; shift ;;
    --seconds) seconds=$2; shift ;;
    --quick) runs=1 seconds=2 turns=51 ;;
    --realtime) realtime=(--realtime) ;;
    --build) build=$2; shift ;;
    -o) output=$2; shift ;;
    -h | --help) usage; exit ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
case $only in '' | pipeline | end-to-end) ;; *) usage >&2; exit 2 ;; esac
case $output in table | json) ;; *) usage >&2; exit 2 ;; esac

pipeline=("$build/bin/pipeline_bench" --turns "$turns")
((${#realtime[@]})) && pipeline=(chrt -r 1 "${pipeline[@]}")
end_to_end=(/usr/bin/python3 bench/end_to_end.py --binary "$build/bin/farspan-dataplane" --runs "$runs"
  --seconds "$seconds" "${realtime[@]}")
processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
machine="$processor, $(nproc) cores, Linux $(uname -r), $(date -u +%F)"

if [[ $output == json ]]; then
  printf '{"machine": "%s"' "$machine"
  [[ $only == end-to-end ]] || { printf ',\n"pipeline": '; "${pipeline[@]}" --json; }
  [[ $only == pipeline ]] || { printf ',\n"end_to_end": '; "${end_to_end[@]}" -o json; }
  printf '}\n'
else
  printf '%s\n\n' "$machine"
  [[ $only == end-to-end ]] || { "${pipeline[@]}"; printf '\n'; }
  [[ $only == pipeline ]] || "${end_to_end[@]}"
fi
