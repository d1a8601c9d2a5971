#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh PRESET [TARGET...]: configures a preset of CMakePresets.json when that is needed, and builds it.
set -eu
cd "$(dirname "$0")/.."
tools/install_deps.sh
preset=$1
shift
# One cache for all checkouts and build folders of this tree: paths below it are made relative.
CCACHE_BASEDIR=$PWD
CCACHE_NOHASHDIR=1
export CCACHE_BASEDIR CCACHE_NOHASHDIR
if [ ! -e "build/$preset/build.ninja" ] || [ CMakePresets.json -nt "build/$preset/build.ninja" ]; then
  cmake --preset "$preset" >"build/$preset.configure.log" 2>&1 || { cat "build/$preset.configure.log"; exit 1; }
fi
if [ $# -gt 0 ]; then exec cmake --build --preset "$preset" --target "$@"; fi
exec cmake --build --preset "$preset"
