#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that building and testing need (docs/adr/0012). Does nothing when they are there.
#
#   tools/install_deps.sh            everything that `make` and `make test` need
#   tools/install_deps.sh --build    what building and running need, no more
#   tools/install_deps.sh --check    only says what is missing (status 1 if anything is)
#
# Without root and with something missing it prints the one command that an administrator has to run, and ends with status 1.
set -eu
cd "$(dirname "$0")/.."

build="git make g++ cmake ninja-build ccache pkg-config python3-dev python3-venv ca-certificates
  libboost1.81-dev libboost-json1.81-dev libfmt-dev libxxhash-dev libre2-dev libcli11-dev libsqlite3-dev"
test="libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev valgrind spin strace procps binutils
  clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev llvm-19
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc etcd-server etcd-client openssl"

mode=${1:-all}
case $mode in
  --build) wanted=$build ;;
  all | --check) wanted="$build $test" ;;
  *) sed -n '3,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

stamp=build/.deps-$(printf '%s' "$wanted" | cksum | tr ' ' '-')
[ -e "$stamp" ] && [ "$mode" != --check ] && exit 0

missing=
for package in $wanted; do
  case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true) in
    ii*) ;;
    *) missing="$missing $package" ;;
  esac
done

if [ -z "$missing" ]; then
  mkdir -p build && touch "$stamp"
  exit 0
fi
install="apt-get install --yes --no-install-recommends$missing"
if [ "$mode" = --check ] || [ "$(id -u)" != 0 ]; then
  echo "Debian packages are missing. An administrator installs them with this one command:" >&2
  echo "  sudo sh -c 'apt-get update && $install'" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
echo "installing:$missing" >&2
apt-get update --quiet=2
# shellcheck disable=SC2086  # a list of words
$install --quiet=2 >/dev/null
mkdir -p build && touch "$stamp"
