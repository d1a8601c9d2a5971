#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the first Python of the PATH that is 3.11 or newer; the system's own comes last.
for python in python3 python3.11 python3.12 python3.13 python3.14 /usr/bin/python3; do
  if path=$(command -v "$python") && "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "$path"
    exit 0
  fi
done
echo "no Python 3.11 or newer in the PATH; Debian 12 has it: apt-get install python3" >&2
exit 1
