#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Searches the Promela models of this folder exhaustively, and the ones that were broken on purpose.

    run_models.py --quick     a few minutes on two cores; every rule left out once
    run_models.py             the same with larger parameters, for the night
    run_models.py --list      what would be searched
    run_models.py --only fork --only BUG_R2

One line for each search. Exit code: 0 all as expected, 1 not, 77 nothing was done (no spin or no C compiler).
"""

import argparse
import concurrent.futures
import dataclasses
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SKIPPED = 77
TRAIL_LINES = 60


@dataclasses.dataclass(frozen=True)
class Search:
    """One search: a model with some definitions, and whether an error must be found."""

    model: str
    defines: tuple[str, ...]
    broken: bool
    quick: bool

    @property
    def variant(self) -> str:
        return " ".join(self.defines) or "(as designed)"


def sound(model: str, *variants: str, quick: bool) -> list[Search]:
    return [Search(model, tuple(v.split()), broken=False, quick=quick) for v in variants]


def broken(model: str, world: str, *bugs: str) -> list[Search]:
    defines = tuple(world.split())
    return [Search(model, (*defines, f"BUG_{b}"), broken=True, quick=True) for b in bugs]


SMALL = "MOVES=0 CRASHES=0"
SEARCHES: list[Search] = [
    *sound(
        "data_path",
        "MOVES=0",
        "CRASHES=0",
        f"{SMALL} FENCES",
        f"{SMALL} HOSTILE",
        f"{SMALL} STOPS",
        f"{SMALL} CLOSES",
        quick=True,
    ),
    *broken("data_path", SMALL, "R1", "R2", "R3", "R5", "R6", "WAITING"),
    *broken("data_path", f"{SMALL} FENCES", "R1_WORKER"),
    *broken("data_path", f"{SMALL} STOPS", "R2_STOPPED"),
    *broken("data_path", f"{SMALL} HOSTILE", "R4_UNPUBLISHED", "R4_FREED", "R4_TAKE_BACK"),
    *broken("data_path", f"{SMALL} CLOSES", "R5_HANGUP", "R8"),
    *broken("data_path", "CRASHES=0", "R7_ROOT", "R7_SWITCH"),
    *broken("data_path", "MOVES=0", "R12_BUSY", "R12_RETURN"),
    *broken("data_path", "", "R12_PLACE"),
    *sound("ring", "NO_SLEEP", "NO_READER", quick=True),
    *broken("ring", "NO_SLEEP", "R5", "R9_RECORD", "R9_DOCUMENT", "R10_GRANT", "R10_COUNTER"),
    *broken("ring", "NO_SLEEP", "R12_GRANT", "R12_SINCE"),
    *broken("ring", "NO_READER", "R11_BARRIER", "R11_LOOK"),
    *sound("arena_reuse", "PUTS=2", "PUTS=3", quick=True),
    *broken("arena_reuse", "", "R6_DELETED", "R6_COUNT_LATE", "R6_LEFT_EARLY", "R6_PRESENT_FIRST"),
    *broken("arena_reuse", "", "R6_HARVESTED_ALONE", "R6_REBUILD_FROM_ZERO", "R6_OPEN"),
    *sound("fork", "", quick=True),
    *broken("fork", "", "R13_CLEAR", "R13_NO_COPY", "R13_PINS_IN_FLIGHT", "R13_COPY_LATE"),
    *broken("fork", "", "R13_COMPARE", "R13_READY_EARLY", "R13_NO_BARRIER", "R13_KEEP_OLD", "R8"),
    # For the night: more deaths, more puts, both at once.
    *sound("data_path", "", "FENCES", "CLOSES", "MOVES=0 HOSTILE", "MOVES=0 STOPS", quick=False),
    *sound("data_path", "MOVES=0 CRASHES=2", "CRASHES=0 MOVES=2", quick=False),
    *sound("ring", "PUTS=2", "PUTS=3 NO_SLEEP", "PUTS=4 NO_READER CRASHES=2", quick=False),
    *sound("arena_reuse", "PUTS=3 CRASHES=2", "PUTS=3 EXTENTS=2", "PUTS=4", quick=False),
    *sound("fork", "GETS=2", quick=False),
]


@dataclasses.dataclass
class Outcome:
    """What a search found."""

    errors: int = -1
    states: int = 0
    problem: str = ""  # why the search says nothing
    violation: str = ""
    trail: str = ""
    seconds: float = 0.0

    def verdict(self, search: Search) -> str:
        if self.problem:
            return f"FAILED: {self.problem}"
        if search.broken:
            return f"caught: {self.violation}" if self.errors else "FAILED: not caught"
        return f"FAILED: {self.violation}" if self.errors else "holds"

    def is_expected(self, search: Search) -> bool:
        return not self.verdict(search).startswith("FAILED")


def violation_of(output: str) -> str:
    match = re.search(r"pan:1: (.*?) \(at depth \d+\)", output)
    if not match:
        return "an error"
    text = match.group(1)
    return "assertion" if text.startswith("assertion violated") else text


def read_output(output: str) -> Outcome:
    """What the verifier printed, as numbers."""
    outcome = Outcome()
    errors = re.search(r"errors: (\d+)", output)
    states = re.search(r"^\s*([0-9.e+]+) states, stored", output, re.MULTILINE)
    if errors is None or states is None:
        outcome.problem = "the verifier did not finish: " + output.strip().splitlines()[-1][:80]
        return outcome
    outcome.errors = int(errors.group(1))
    outcome.states = int(float(states.group(1)))
    if outcome.errors:
        outcome.violation = violation_of(output)
    elif "max search depth too small" in output or "Search not completed" in output:
        outcome.problem = "the search was cut short"
    return outcome


def limited(memory_mib: int):
    def limit() -> None:
        size = memory_mib << 20
        resource.setrlimit(resource.RLIMIT_AS, (size, size))

    return limit


def run(search: Search, memory_mib: int, timeout_s: int) -> Outcome:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vineyard-model-") as name:
        folder = Path(name)
        model = shutil.copy(HERE / f"{search.model}.pml", folder)
        defines = [f"-D{d}" for d in search.defines]

        def step(command: list[str], **more) -> subprocess.CompletedProcess:
            return subprocess.run(
                command,
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout_s,
                check=False,
                **more,
            )

        try:
            made = step(["spin", "-a", *defines, model])
            if made.returncode != 0 or not (folder / "pan.c").exists():
                return Outcome(problem="spin: " + made.stdout.strip()[:200])
            flags = ["-O1", "-w", "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={memory_mib - 200}"]
            made = step([compiler(), *flags, "-o", "pan", "pan.c"])
            if made.returncode != 0:
                return Outcome(problem="compiler: " + made.stdout.strip()[:200])
            done = step(["./pan", "-m2000000", "-w22"], preexec_fn=limited(memory_mib))
            outcome = read_output(done.stdout)
            if outcome.errors > 0 and not search.broken:
                shown = step(["spin", "-t", "-p", "-g", *defines, model])
                outcome.trail = "\n".join(shown.stdout.splitlines()[-TRAIL_LINES:])
        except subprocess.TimeoutExpired:
            outcome = Outcome(problem=f"no end within {timeout_s} s")
    outcome.seconds = time.monotonic() - started
    return outcome


def compiler() -> str:
    return os.environ.get("CC", "cc")


def missing_tool() -> str | None:
    for tool in ("spin", compiler().split()[0]):
        if shutil.which(tool) is None:
            return tool
    return None


def chosen(quick: bool, only: list[str]) -> list[Search]:
    searches = [s for s in SEARCHES if s.quick or not quick]
    return [s for s in searches if not only or any(o == s.model or o in s.defines for o in only)]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only what a few minutes allow")
    parser.add_argument("--only", action="append", default=[], metavar="MODEL|DEFINE")
    parser.add_argument("--list", action="store_true", help="print the searches and do nothing")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--memory-mib", type=int, help="for one search (1400 quick, 6000 else)")
    parser.add_argument("--timeout-s", type=int, default=3600, help="for one search")
    options = parser.parse_args(arguments)

    searches = chosen(options.quick, options.only)
    if options.list:
        for s in searches:
            print(f"{s.model:12} {s.variant}")
        return 0
    if not searches:
        print("no such search: see --list")
        return 1
    if (tool := missing_tool()) is not None:
        print(f"skipped: '{tool}' is not installed")
        return SKIPPED
    memory = options.memory_mib or (1400 if options.quick else 6000)
    jobs = options.jobs if options.quick else 1

    def one(search: Search) -> tuple[Search, Outcome]:
        return search, run(search, memory, options.timeout_s)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=jobs) as pool:
        for search, outcome in pool.map(one, searches):
            line = f"{search.model:12} {search.variant:42} errors {outcome.errors:2}"
            line += f"  states {outcome.states:>10,}  {outcome.seconds:6.1f} s"
            print(f"{line}  {outcome.verdict(search)}", flush=True)
            if outcome.trail:
                print(outcome.trail)
            failed += not outcome.is_expected(search)
    print(f"{len(searches)} searches, {failed} not as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
