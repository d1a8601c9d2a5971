#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the tests of frames and arrays with the oldest pandas that is supported, in build/pandas2, with the package of .venv.
set -eu
cd "$(dirname "$0")/.."
venv=build/pandas2
if [ ! -e $venv/ready ]; then
  "$(tools/find_python.sh)" -m venv --clear $venv
  $venv/bin/python -m pip --quiet --disable-pip-version-check install 'pandas==2.2.*' 'numpy<2.3' 'pyarrow>=18' 'polars>=1.0' \
    'scipy>=1.11' 'pytest>=8' 'pytest-timeout>=2.3' 'hypothesis>=6' 'nanobind-backend>=1.0'
  touch $venv/ready
fi
rm -rf $venv/package
mkdir $venv/package
cp -r .venv/lib/python3.*/site-packages/vineyard $venv/package/
root=$PWD
mkdir -p build/pytest
cd build/pytest
PYTHONPATH=$root/$venv/package VINEYARD_DAEMON=$root/.venv/bin/vineyardd exec "$root/$venv/bin/python" -B -m pytest -q -p no:cacheprovider \
  "$root"/python/tests/test_pandas.py "$root"/python/tests/test_numpy.py "$root"/python/tests/test_properties_pandas.py \
  "$root"/python/tests/test_properties_numpy.py "$root"/python/tests/test_zero_copy.py --junit-xml="$root/build/junit-pandas2.xml"
