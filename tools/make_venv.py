#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes .venv and installs the Python package into it; does nothing while neither its sources nor the C++ below changed.

Usage: make_venv.py [--force]

The extension is built in build/python and kept there, so that a change costs only what it touched.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from tree import Tree, is_test

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "vineyard-installed"


def fingerprint(tree: Tree) -> str:
    """A digest of everything that the installed package is made from."""
    digest = hashlib.sha256(sys.version.encode())
    for name in tree.files:
        if name.startswith(("python/", "src/", "cmake/")) and not is_test(name) or name == "CMakeLists.txt":
            digest.update(name.encode() + b"\0" + (tree.root / name).read_bytes() + b"\0")
    return digest.hexdigest()


def make_venv() -> None:
    python = VENV / "bin" / "python"
    works = python.exists() and subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    if not works:
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)


def install_package() -> None:
    """Build requirements first, then the package without build isolation: an isolated build starts from nothing each time."""
    pip = [VENV / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    requires = tomllib.loads((ROOT / "python/pyproject.toml").read_text())["build-system"]["requires"]
    environment = {
        **os.environ,
        "CCACHE_BASEDIR": str(ROOT),
        "CCACHE_NOHASHDIR": "1",
        "CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 1),
        "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}",
    }
    subprocess.run([*pip, *requires], check=True, env=environment)
    settings = [f"--config-settings=build-dir={ROOT / 'build/python'}", "--config-settings=cmake.build-type=RelWithDebInfo"]
    package = f"{ROOT / 'python'}[test]"
    subprocess.run([*pip, "--no-build-isolation", *settings, package], check=True, env=environment)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--force", action="store_true", help="install even if nothing changed")
    options = parser.parse_args(arguments)

    make_venv()
    if not (ROOT / "python/pyproject.toml").exists():
        print("python/: this part of the project is missing, so .venv holds no vineyard")
        return 0
    now = fingerprint(Tree(ROOT))
    if options.force or not STAMP.exists() or STAMP.read_text() != now:
        STAMP.unlink(missing_ok=True)
        install_package()
        STAMP.write_text(now)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
