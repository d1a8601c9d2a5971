#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-format and clang-tidy over our C++; closes with `N passed, N failed`, one for each file and tool.

Usage: tidy.py [--build DIR] [--fix-format] [FILE...]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tree import Tree, is_test

ROOT = Path(__file__).resolve().parent.parent

# A fixture is neither copied nor moved, and an optional that a test finds empty ends the test, which is its purpose.
NOT_IN_TESTS = "-cppcoreguidelines-special-member-functions,-bugprone-unchecked-optional-access"


def format_file(name: str, *, fix: bool) -> subprocess.CompletedProcess:
    mode = ["-i"] if fix else ["--dry-run", "-Werror"]
    return subprocess.run(["clang-format-19", *mode, name], cwd=ROOT, capture_output=True, text=True, check=False)


def tidy_file(name: str, build: Path) -> subprocess.CompletedProcess:
    command = ["clang-tidy-19", "--quiet", "-p", str(build), "--extra-arg=-Wno-unknown-warning-option"]
    if is_test(name):
        command.append(f"--checks={NOT_IN_TESTS}")
    command.append(name)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "dev")
    parser.add_argument("--fix-format", action="store_true", help="format the files, and do no more")
    parser.add_argument("file", nargs="*")
    options = parser.parse_args(arguments)

    names = options.file or Tree(ROOT).cpp_all
    if options.fix_format:
        for name in names:
            format_file(name, fix=True).check_returncode()
        return 0

    database = options.build / "compile_commands.json"
    if not database.exists():
        print(f"{database} is missing: run `make` first")
        return 1
    compiled = {Path(entry["file"]).resolve() for entry in json.loads(database.read_text())}
    sources = [name for name in names if (ROOT / name).resolve() in compiled]
    failed = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        formatted = pool.map(lambda name: format_file(name, fix=False), names)
        tidied = pool.map(lambda name: tidy_file(name, options.build), sources)
        for name, done in [*zip(names, formatted, strict=True), *zip(sources, tidied, strict=True)]:
            if done.returncode != 0:
                failed += 1
                print(f"{name}: {Path(done.args[0]).name}\n{done.stdout}{done.stderr}", flush=True)
    print(f"{len(names) + len(sources) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
