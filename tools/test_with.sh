#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_with.sh NAME: runs the package of .venv and its tests with other libraries, in an environment of its own, build/NAME.
#   pandas2   the oldest pandas, NumPy and pyarrow that are supported
#   torch     PyTorch; PyPI's brings CUDA, so 3 GB are fetched once
set -eu
cd "$(dirname "$0")/.."
tests=python/tests
case ${1:-} in
  pandas2)
    wanted='pandas==2.2.* numpy==1.26.* pyarrow==18.* polars>=1.0 scipy>=1.11 hypothesis>=6'
    files="$tests/test_pandas.py $tests/test_numpy.py $tests/test_arrow.py $tests/test_properties_pandas.py
      $tests/test_properties_numpy.py $tests/test_zero_copy.py $tests/test_parts_of_values.py $tests/test_collections.py"
    ;;
  torch)
    wanted='torch>=2.4 numpy>=1.26 pyarrow>=18 pandas>=2.2'
    files=python/tests_torch
    ;;
  *)
    echo "usage: test_with.sh pandas2|torch" >&2
    exit 2
    ;;
esac
venv=build/$1
if [ "$(cat "$venv/ready" 2>/dev/null)" != "$wanted" ]; then
  "$(tools/find_python.sh)" -m venv --clear "$venv"
  # shellcheck disable=SC2086
  "$venv/bin/python" -m pip --quiet --disable-pip-version-check install --no-cache-dir $wanted 'pytest>=8' 'pytest-timeout>=2.3' \
    'nanobind-backend>=1.0'
  echo "$wanted" >"$venv/ready"
fi
rm -rf "$venv/package"
mkdir "$venv/package"
cp -r .venv/lib/python3.*/site-packages/vineyard "$venv/package/"
root=$PWD
mkdir -p build/pytest
cd build/pytest
PYTHONPATH=$root/$venv/package VINEYARD_DAEMON=$root/.venv/bin/vineyardd exec "$root/$venv/bin/python" -B -m pytest -q -p no:cacheprovider \
  $(for file in $files; do echo "$root/$file"; done) --junit-xml="$root/build/junit-$1.xml"
