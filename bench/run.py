#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures all rows, from C++ and from Python, and prints them as one table; closes with how many were met.

Usage: run.py [--short] [--row N]...          ends with status 1 when a row is missed
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import instructions

HERE = Path(__file__).resolve().parent
BENCH = HERE.parent / "build" / "release" / "bench" / "vineyard_bench"
PYTHON_ROWS = HERE / "python" / "rows.py"


def rows_of(command: list[str], folder: Path) -> list[dict]:
    """What a program measures; it prints its own table meanwhile."""
    out = folder / "rows.json"
    out.unlink(missing_ok=True)
    status = subprocess.run([*command, "--json", str(out)], check=False).returncode
    rows = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    if status not in (0, 1) or not rows:
        rows.append({"row": "-", "what": f"{Path(command[-1]).name} ended with status {status}", "verdict": "missed"})
    return rows


def cpp_rows(options: argparse.Namespace, folder: Path) -> list[dict]:
    command = [str(BENCH)]
    if options.short:
        command.append("--short")
    wanted = [name for name in options.row if not name.startswith("P") and name != "30"]
    if not options.row:
        return rows_of(command, folder)
    return [row for name in wanted for row in rows_of([*command, "--row", name], folder)]


def python_rows(options: argparse.Namespace, folder: Path) -> list[dict]:
    if not PYTHON_ROWS.exists() or (options.row and not any(name.startswith("P") for name in options.row)):
        return []
    command = [sys.executable, "-B", str(PYTHON_ROWS)]
    if options.short:
        command.append("--short")
    rows = rows_of(command, folder)
    return [row for row in rows if not options.row or row["row"] in options.row]


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def print_table(rows: list[dict]) -> None:
    head = ("row", "work", "ours", "unit", "limit", "ratio", "bar", "verdict")
    lines = [head]
    for row in rows:
        figures = [number(row.get(key)) for key in ("ours", "limit", "ratio")]
        lines.append(
            (row["row"], row["what"], figures[0], row.get("unit", ""), *figures[1:], row.get("bar", ""), row["verdict"])
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    right = {2, 4, 5}
    for line in lines:
        cells = [cell.rjust(w) if n in right else cell.ljust(w) for n, (cell, w) in enumerate(zip(line, widths, strict=True))]
        print("  ".join(cells).rstrip())


def load() -> str:
    return " ".join(f"{average:.1f}" for average in os.getloadavg())


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="fewer objects and kills: some minutes instead of half an hour")
    parser.add_argument("--row", action="append", default=[], metavar="N", help="only this row (1, 8a, 30, P3, ...)")
    options = parser.parse_args(arguments)
    if not BENCH.exists():
        print(f"{BENCH} is missing: run `tools/build.sh release`", file=sys.stderr)
        return 2

    before = load()
    rows: list[dict] = []
    with tempfile.TemporaryDirectory(prefix="vineyard-bench-") as name:
        folder = Path(name)
        if not options.row or any(not n.startswith("P") for n in options.row):
            rows += cpp_rows(options, folder)
        if not options.row or "30" in options.row:
            rows += instructions.rows(BENCH, folder)
        rows += python_rows(options, folder)

    print(f"\nLinux {platform.release()}, {os.cpu_count()} cores, load before {before}, after {load()}\n")
    print_table(rows)
    count = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in ("met", "missed", "noisy")}
    print(f"\n{count['met']} met, {count['missed']} missed, {count['noisy']} noisy")
    return 1 if count["missed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
