#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the tests with PyTorch in build/torch, with the package of .venv. PyPI's torch brings CUDA: 3 GB are fetched once.
set -eu
cd "$(dirname "$0")/.."
venv=build/torch
if [ ! -e $venv/ready ]; then
  "$(tools/find_python.sh)" -m venv --clear $venv
  $venv/bin/python -m pip --quiet --disable-pip-version-check install --no-cache-dir 'torch>=2.4' 'numpy>=1.26' 'pyarrow>=18' \
    'pandas>=2.2' 'pytest>=8' 'pytest-timeout>=2.3' 'nanobind-backend>=1.0'
  touch $venv/ready
fi
rm -rf $venv/package
mkdir $venv/package
cp -r .venv/lib/python3.*/site-packages/vineyard $venv/package/
root=$PWD
mkdir -p build/pytest
cd build/pytest
PYTHONPATH=$root/$venv/package VINEYARD_DAEMON=$root/.venv/bin/vineyardd exec "$root/$venv/bin/python" -B -m pytest -q -p no:cacheprovider \
  "$root"/python/tests_torch --junit-xml="$root/build/junit-torch.xml"
