#!/usr/bin/env bash
# Every test of Farspan: run_tests.sh [all|asan|fuzz]. The release build must exist for "all".
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-all}
jobs=${JOBS:-$(nproc)}
seconds_each=${SECONDS_EACH:-30}

say() { printf '\n== %d:%02d %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }

# Configures and builds the one tree that both sanitizers and fuzzers use.
build_asan() {
  say "sanitizers: building what touches packets and parses input with AddressSanitizer and UBSan"
  mkdir -p build
  cmake --preset asan > build/configure.asan.log 2>&1 || { cat build/configure.asan.log; exit 1; }
  cmake --build build/asan -j "$jobs" "$@"
}

sanitizers() {
  build_asan
  say "sanitizers: unit and packet tests"
  ctest --test-dir build/asan --output-on-failure --no-tests=error -LE lab -j "$jobs"
}

fuzzers() {
  build_asan --target fuzzers
  local names=()
  for source in fuzz/fuzz_*.cpp; do names+=("$(basename "$source" .cpp)"); done
  say "fuzzers: each of ${#names[@]} for $seconds_each s, $jobs at a time"
  printf '%s\n' "${names[@]}" | xargs -P "$jobs" -I{} tools/fuzz_one.sh {} "$seconds_each"
  echo "fuzzers: ${#names[@]} targets found nothing"
}

tests() {
  say "unit and packet tests"
  ctest --test-dir build/release --output-on-failure --no-tests=error -LE lab -j "$jobs"
  say "lab tests: real peers in network namespaces, $jobs at a time"
  if [ "$(id -u)" != 0 ]; then
    echo "lab tests make network namespaces: run make test as root" >&2
    exit 1
  fi
  ctest --test-dir build/release --output-on-failure --no-tests=error -L lab -j "$jobs"
}

case $what in
  all) tests; sanitizers; fuzzers; say "all tests passed" ;;
  asan) sanitizers ;;
  fuzz) fuzzers ;;
  *) echo "usage: tools/run_tests.sh [all|asan|fuzz]" >&2; exit 2 ;;
esac
