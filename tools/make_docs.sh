#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the documentation into build/docs/html. Sphinx lives in a venv of its own, so that its versions bind nobody.
set -eu
cd "$(dirname "$0")/.."
venv=build/docs/venv
if [ ! -x $venv/bin/sphinx-build ]; then
  "$(tools/find_python.sh)" -m venv $venv
  $venv/bin/python -m pip --quiet --disable-pip-version-check install 'sphinx>=8' 'myst-parser>=4' furo
fi
exec $venv/bin/sphinx-build --quiet --fail-on-warning --keep-going docs build/docs/html
