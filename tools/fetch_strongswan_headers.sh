#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Unpacks the source of the strongSwan that charon plugins are built against into build/third_party.
#
# Debian has no package with charon's plugin headers, so they come from the source package, from the same
# mirrors the machine installs from. Only a private apt state under build/third_party is written: /etc/apt and
# /var/lib/apt stay as they are. Running it again when the headers are there does nothing.
#
# Usage: tools/fetch_strongswan_headers.sh [DIRECTORY]     default: build/third_party in the checkout
set -eu

upstream=5.9.8
root=$(cd "$(dirname "$0")/.." && pwd)
parent=${1:-$root/build/third_party}
target=$parent/strongswan-$upstream
mark=$target/src/libcharon/kernel/kernel_ipsec.h

if [ -e "$mark" ]; then
  exit 0
fi

mkdir -p "$parent"
work=$(mktemp -d "$parent/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work/lists/partial" "$work/archives/partial"

# The machine's own Debian sources, as deb-src. Both notations of sources.list(5); entries that carry no
# Debian suite of ours (third parties) would only be looked up in vain, so they are left out.
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
: > "$work/debian.sources"
: > "$work/debian.list"
for file in /etc/apt/sources.list.d/*.sources; do
  [ -e "$file" ] || continue
  awk -v suite="$codename" '
    function flush() { if (stanza != "" && ours) printf "%s\n", stanza; stanza = ""; ours = 0 }
    /^[[:space:]]*$/ { flush(); next }
    /^#/ { next }
    /^[Tt]ypes:/ { stanza = stanza "Types: deb-src\n"; next }
    /^[Ee]nabled:[[:space:]]*no/ { next }
    /^[Ss]uites:/ { for (i = 2; i <= NF; i++) if (index($i, suite) == 1) ours = 1 }
    { stanza = stanza $0 "\n" }
    END { flush() }' "$file" >> "$work/debian.sources"
done
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ -e "$file" ] || continue
  awk -v suite="$codename" '
    $1 == "deb" { sub(/^deb/, "deb-src"); for (i = 2; i <= NF; i++) if (index($i, suite) == 1) { print; break } }' \
    "$file" >> "$work/debian.list"
done
mkdir "$work/parts"
[ -s "$work/debian.sources" ] && cp "$work/debian.sources" "$work/parts/"
[ -s "$work/debian.list" ] && cp "$work/debian.list" "$work/parts/"

apt_private() {
  command=$1
  shift
  "$command" -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/parts" \
    -o Dir::State::lists="$work/lists" -o Dir::Cache="$work" -o Dir::Cache::archives="$work/archives" \
    -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"
}

apt_private apt-get update

# A mirror may list a revision whose source it does not hold (yet): newest first, until one can be had. All
# revisions of one upstream version have the same headers.
versions=$(apt_private apt-cache showsrc strongswan | sed -n "s/^Version: \($upstream-.*\)/\1/p" | sort -Vru)
if [ -z "$versions" ]; then
  echo "no deb-src of this machine's mirrors has strongSwan $upstream" >&2
  exit 1
fi
cd "$work"
for version in $versions; do
  if apt_private apt-get source --download-only "strongswan=$version"; then
    dpkg-source -q --no-check -x strongswan_*.dsc unpacked
    rm -rf "$target"
    mv unpacked "$target"
    exit 0
  fi
  rm -f strongswan_*
done
echo "no revision of strongSwan $upstream could be downloaded (tried: $versions)" >&2
exit 1
