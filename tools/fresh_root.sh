#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tries the two commands of the README where nothing of ours is installed: a bare Debian 12, made by debootstrap, with its own mounts
# and processes, and a fresh clone of this checkout (what is committed) in it.
#
#   tools/fresh_root.sh                 make, make demo, make test
#   tools/fresh_root.sh 'make demo'     other commands instead
#   FRESH_ROOT=DIR                      where the root is made (default /var/tmp/vineyard-fresh-root); KEEP=1 leaves it there
set -eu
cd "$(dirname "$0")/.."
root=${FRESH_ROOT:-/var/tmp/vineyard-fresh-root}
commands=${1:-make && make demo && make test}

if [ "$(id -u)" != 0 ]; then
  echo "fresh_root needs root, since it makes a root of its own: sudo make fresh-root" >&2
  exit 1
fi
for program in debootstrap unshare chroot git; do
  command -v $program >/dev/null || { echo "$program is missing: apt-get install debootstrap util-linux git" >&2; exit 1; }
done
if [ -e "$root" ]; then
  echo "$root is there already: remove it, or set FRESH_ROOT" >&2
  exit 1
fi

# The mirror that apt uses here, in the old and in the new form of its configuration.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
  sed -n 's/^deb\( \[[^]]*\]\)\{0,1\} \(http[^ ]*debian\/\{0,1\}\) .*/\2/p; s/^URIs: *\(http[^ ]*debian\/\{0,1\}\) *$/\1/p' | head -n 1)
mirror=${mirror:-http://deb.debian.org/debian}
echo "fresh root: bookworm from $mirror into $root" >&2
trap '[ -n "${KEEP:-}" ] || rm -rf --one-file-system "$root" "$root.log"' EXIT
debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; exit 1; }

cat >"$root/etc/apt/sources.list" <<SOURCES
deb $mirror bookworm main
deb $mirror bookworm-updates main
deb ${mirror%/}-security bookworm-security main
SOURCES
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
mkdir -p "$root/etc/ssl/certs"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/" 2>/dev/null || true
git clone --quiet --no-hardlinks . "$root/srv/vineyard"  # where other users may enter: a test runs as one of them

cat >"$root/root/try.sh" <<TRY
set -eu
mount -t proc proc /proc
cd /srv/vineyard
apt-get update --quiet=2
apt-get install --quiet=2 --yes --no-install-recommends make git ca-certificates >/dev/null
cat /root/host-certificates.crt >>/etc/ssl/certs/ca-certificates.crt 2>/dev/null || true
$commands
TRY
cp -L /etc/ssl/certs/ca-certificates.crt "$root/root/host-certificates.crt" 2>/dev/null || true

# Own mounts and processes: what is mounted or started in there ends with it. Nothing of this environment but how to reach packages.
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive CI=true \
  PIP_CERT=/etc/ssl/certs/ca-certificates.crt ${https_proxy:+https_proxy="$https_proxy"} ${http_proxy:+http_proxy="$http_proxy"} \
  ${PIP_INDEX_URL:+PIP_INDEX_URL="$PIP_INDEX_URL"} \
  unshare --mount --pid --fork --kill-child --propagation private sh -euc '
    mount --rbind /dev "$1/dev"
    mount --rbind /sys "$1/sys"
    exec chroot "$1" sh /root/try.sh' sh "$root"
echo "fresh root: all of it worked" >&2
