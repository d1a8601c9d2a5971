#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_part.sh SCRIPT [ARGUMENT...]: runs one of our Python scripts with the project's interpreter, or says that the part is missing.
# What a requirements.txt beside the script names is installed into .venv before, once.
set -eu
cd "$(dirname "$0")/.."
script=$1
shift
if [ ! -e "$script" ]; then
  echo "$script: this part of the project is missing" >&2
  exit 1
fi
if [ ! -x .venv/bin/python ]; then exec "$(tools/find_python.sh)" -B "$script" "$@"; fi
requirements=$(dirname "$script")/requirements.txt
if [ -e "$requirements" ]; then
  stamp=.venv/requirements-$(cksum <"$requirements" | tr ' ' '-')
  if [ ! -e "$stamp" ]; then
    .venv/bin/python -m pip --quiet --disable-pip-version-check install -r "$requirements"
    touch "$stamp"
  fi
fi
PATH=$PWD/.venv/bin:$PATH
export PATH
exec .venv/bin/python -B "$script" "$@"
