#!/usr/bin/env bash
# Installs what Farspan needs on Debian 12 to be built, run and tested. Idempotent: says so and ends at once when
# everything is there. Needs root for installing only.
set -euo pipefail
cd "$(dirname "$0")/.."

build="ninja-build cmake g++ make pkg-config git dpkg-dev clang-14 libclang-rt-14-dev clang-format-14
  libprotobuf-dev protobuf-compiler libgrpc++-dev protobuf-compiler-grpc libboost1.81-dev libsqlite3-dev libyaml-cpp-dev
  nlohmann-json3-dev libcli11-dev libspdlog-dev libfmt-dev libssl-dev libipsec-mb-dev libnl-3-dev libnl-route-3-dev
  libgtest-dev libgmock-dev libbenchmark-dev"
run="strongswan-swanctl charon-systemd strongswan-charon strongswan-libcharon libcharon-extra-plugins
  libstrongswan-extra-plugins libstrongswan-standard-plugins strongswan-pki iproute2 iputils-ping procps"
test="python3 python3-scapy python3-pytest python3-yaml python3-jsonschema python3-requests python3-cryptography python3-protobuf python3-grpcio faketime
  iperf3 tcpdump ethtool socat jq curl traceroute iputils-tracepath nftables openssl sqlite3 user-mode-linux kmod zsh fish"

missing=()
for package in $build $run $test; do
  [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null)" = "ii " ] || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing ${#missing[@]} packages: ${missing[*]}"
  if [ "$(id -u)" != 0 ]; then
    echo "setup: run this as root, or install them yourself" >&2
    exit 1
  fi
  # Daemons that come with packages (charon) must not start on this machine: Farspan starts its own in namespaces.
  restore=""
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    restore=yes
  fi
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  if ! { apt-get -o DPkg::Lock::Timeout=300 update && apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}"; } > "$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "setup: installing failed; the whole log is $log" >&2
    exit 1
  fi
  rm -f "$log"
  [ -z "$restore" ] || rm -f /usr/sbin/policy-rc.d
fi

tools/fetch_strongswan_headers.sh
echo "setup: everything is there"
