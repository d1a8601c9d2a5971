#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Coverage of the core folders by the unit, golden and integration tests (preset `cover`): lines 95 %, branches 90 %.

Usage: cover.py [--build DIR] [--html]

Runs the tests, merges what each process wrote and prints one line a folder. Ends with status 1 below a bar.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = ("shm", "meta", "protocol", "store", "catalog")
BARS = {"lines": 95.0, "branches": 90.0}


def run_tests(build: Path, profiles: Path) -> None:
    profiles.mkdir(exist_ok=True)
    for old in profiles.glob("*.profraw"):
        old.unlink()
    environment = {**os.environ, "LLVM_PROFILE_FILE": str(profiles / "%p-%m.profraw")}
    subprocess.run(["ctest", "--preset", "cover", "--parallel", str(os.cpu_count())], cwd=ROOT, env=environment, check=True)


def binaries(build: Path) -> list[Path]:
    found = [path for path in build.rglob("*") if path.is_file() and (path.name.endswith("_test") or path.suffix == ".so")]
    return [*found, *(path for name in ("vineyardd", "vineyard") for path in build.rglob(name) if path.is_file())]


def coverage(build: Path, profiles: Path, *, html: bool) -> dict[str, dict[str, list[int]]]:
    """folder -> {lines, branches} -> [covered, count]."""
    merged = build / "merged.profdata"
    raw = [str(path) for path in profiles.glob("*.profraw")]
    subprocess.run(["llvm-profdata-19", "merge", "-sparse", "-o", merged, *raw], check=True)
    first, *others = binaries(build)
    objects = [str(first), *(f"-object={path}" for path in others), f"-instr-profile={merged}", "-ignore-filename-regex=_test|/tests/|/usr/"]
    if html:
        subprocess.run(["llvm-cov-19", "show", *objects, "-format=html", f"-output-dir={build / 'html'}"], check=True)
        print(f"{build / 'html' / 'index.html'}")
    report = subprocess.run(["llvm-cov-19", "export", *objects, "-summary-only"], check=True, capture_output=True, text=True)
    folders: dict[str, dict[str, list[int]]] = defaultdict(lambda: {"lines": [0, 0], "branches": [0, 0]})
    for entry in json.loads(report.stdout)["data"][0]["files"]:
        path = Path(entry["filename"])
        if not path.is_relative_to(ROOT / "src/vineyard"):
            continue
        folder = path.relative_to(ROOT / "src/vineyard").parts[0]
        for kind, sums in folders[folder].items():
            sums[0] += entry["summary"][kind]["covered"]
            sums[1] += entry["summary"][kind]["count"]
    return folders


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "cover")
    parser.add_argument("--html", action="store_true", help="also write build/cover/html")
    options = parser.parse_args(arguments)

    profiles = options.build / "profiles"
    run_tests(options.build, profiles)
    below = 0
    for folder, sums in sorted(coverage(options.build, profiles, html=options.html).items()):
        percent = {kind: 100 * covered / count if count else 100.0 for kind, (covered, count) in sums.items()}
        short = [kind for kind, bar in BARS.items() if folder in CORE and percent[kind] < bar]
        below += len(short)
        print(f"{folder:12} lines {percent['lines']:5.1f} %  branches {percent['branches']:5.1f} %{'  below: ' + ', '.join(short) if short else ''}")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
