#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every fuzz target of a build and counts how many found nothing.

Usage: fuzz.py [--build DIR] [--runs N] [--only NAME] [--seed N]

An input that crashes a target is kept in build/fuzz/findings; put it into the target's corpus with the mend.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS_FOR_ONE_INPUT = 10
# What makes hundreds of runs a second, where the others make tens of thousands, runs a part as often: `names` and `outbox` are
# no parsers, each run makes a worker with its memory and takes it through a script of steps; `settings` makes a command line.
PART = {"names": 200, "outbox": 50, "settings": 10}


def targets_of(build: Path) -> list[Path]:
    return sorted(path for path in (build / "tests" / "fuzz").glob("fuzz_*") if path.is_file() and os.access(path, os.X_OK))


def run_target(target: Path, runs: int, seed: int, findings: Path) -> subprocess.CompletedProcess:
    name = target.name.removeprefix("fuzz_")
    grown = findings.parent / "corpus" / name  # what the fuzzer finds interesting stays in the build, not in the tree
    grown.mkdir(parents=True, exist_ok=True)
    corpus = ROOT / "tests" / "fuzz" / "corpus" / name
    runs = max(1, runs // PART.get(name, 1))
    command = [
        target, f"-runs={runs}", f"-seed={seed}", f"-timeout={SECONDS_FOR_ONE_INPUT}", "-rss_limit_mb=4096",
        "-print_final_stats=1", "-verbosity=0",
        f"-artifact_prefix={findings}/{name}-", grown, *([corpus] if corpus.is_dir() else []),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "fuzz")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    options = parser.parse_args(arguments)

    targets = [target for target in targets_of(options.build) if options.only in target.name]
    if not targets:
        print(f"{options.build}: no fuzz target, this part of the project is missing")
        return 1
    findings = options.build / "findings"
    findings.mkdir(parents=True, exist_ok=True)
    failed = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = pool.map(lambda target: run_target(target, options.runs, options.seed, findings), targets)
        for target, done in zip(targets, results, strict=True):
            stats = dict(line.removeprefix("stat::").split(":", 1) for line in done.stderr.splitlines() if line.startswith("stat::"))
            executed = stats.get("number_of_executed_units", "?").strip()
            print(f"{target.name}: {'found nothing' if done.returncode == 0 else 'FAILED'} in {executed} runs", flush=True)
            if done.returncode != 0:
                failed += 1
                print(done.stderr[-4000:])
    print(f"{len(targets) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
