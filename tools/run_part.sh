#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_part.sh SCRIPT [ARGUMENT...]: runs one of our Python scripts with the project's interpreter, or says that the part is missing.
set -eu
cd "$(dirname "$0")/.."
script=$1
shift
if [ ! -e "$script" ]; then
  echo "$script: this part of the project is missing" >&2
  exit 1
fi
if [ -x .venv/bin/python ]; then exec .venv/bin/python -B "$script" "$@"; fi
exec "$(tools/find_python.sh)" -B "$script" "$@"
