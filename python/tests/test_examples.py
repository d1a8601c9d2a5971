# SPDX-License-Identifier: Apache-2.0
"""The programs of examples/python, run as they stand."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "python"
PRINTED = {
    "blob": "vineyard::Blob 13 Hello, World!",
    "pair": "vineyard::Tensor<double> 8\nvineyard::Tensor<double> 4\n0.0 4.0",
    "own_type": "resolving vineyard::NumericArray\n[1, 2, 3]",
}


def test_every_example_is_run():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_prints_what_it_should(daemon, name):
    command = [sys.executable, str(FOLDER / f"{name}.py"), daemon.socket]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == (PRINTED[name], "")
