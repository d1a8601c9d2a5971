#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The kill/verify loop, and the same with one rule left out, which it must catch.

Usage: run.py [--seconds N] [--preset dev] [--seed N]
       run.py --rules [--only RULE] [--preset dev] [--seed N]

Runs the loop until 500 clients, 100 workers and 30 supervisors were killed (and the time is over): no wrong byte, nothing
lost, nothing left over. With --rules instead: for each rule that a test build can leave out (VINEYARD_LEAVE_OUT) until it
is caught, and once as designed with the same delays, which must find nothing. Closes with `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
JITTER = "*=jitter:0.01,retire.scanned=long:0.1,retire.marked=long:0.05"
ATTEMPTS = 24  # the slowest, R3 and R10, take one or two
SECONDS_OF_AN_ATTEMPT = 10
SECONDS_AS_DESIGNED = 15

@dataclass(frozen=True)
class LeftOut:
    """How a run without a rule goes: the delays that make its absence show, and how much is killed."""

    delays: str = ""
    kill_percent: int = 100


# Rules whose absence the loop must notice. README.md says what catches the others.
LEFT_OUT = {
    "R2": LeftOut("retire.harvested=long:0.5,publish.members_held=long:0.3", kill_percent=5),
    "R3": LeftOut("publish.members_held=long:0.3"),
    "R6": LeftOut(),
    "R8": LeftOut(),
    "R10": LeftOut("harvest.record_copied=long:0.02,harvest.document_copied=long:0.02"),
    "R12": LeftOut("retire.marked=long:0.3"),
    "R13": LeftOut(),
    "R15": LeftOut(),
}


def holds(program: Path, seed: int, seconds: float, delays: str, *more: str, rule: str = "") -> bool:
    """Whether one run of the loop found nothing."""
    environment = {**os.environ, "VINEYARD_FAILPOINTS": delays}
    if rule:
        environment["VINEYARD_LEAVE_OUT"] = rule
    command = [str(program), "--seconds", str(seconds), "--seed", str(seed), *more]
    return subprocess.run(command, env=environment, check=False).returncode == 0


def as_designed(program: Path, options: argparse.Namespace) -> list[bool]:
    counts = ["--clients", str(options.clients), "--workers", str(options.workers), "--supervisors", str(options.supervisors)]
    outcomes = []
    for what, delays in (("as designed", ""), ("as designed, with delays at the labelled steps", JITTER)):
        print(f"-- {what}", flush=True)
        outcomes.append(holds(program, options.seed, options.seconds / 2, delays, *counts))
    return outcomes


def rules_left_out(program: Path, options: argparse.Namespace) -> list[bool]:
    outcomes, lines = [], []
    for rule, how in LEFT_OUT.items():
        if options.only and rule not in options.only:
            continue
        print(f"-- without {rule}: must be caught", flush=True)
        started, caught = time.monotonic(), False
        for attempt in range(ATTEMPTS):
            kills = ("--kill-percent", str(how.kill_percent))
            caught = not holds(program, options.seed + attempt, SECONDS_OF_AN_ATTEMPT, how.delays, *kills, rule=rule)
            if caught:
                break
        outcomes.append(caught)
        lines.append(f"{rule:4} {'caught' if caught else 'NOT CAUGHT'} after {time.monotonic() - started:.1f} s")
        print(f"   {lines[-1]}", flush=True)
    if not options.only:
        print("-- as designed, with all these delays: nothing may be found", flush=True)
        delays = ",".join(how.delays for how in LEFT_OUT.values() if how.delays)
        outcomes.append(holds(program, options.seed, SECONDS_AS_DESIGNED, delays))
    print("\n".join(lines))
    return outcomes


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--preset", default="dev")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1 << 31))
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--supervisors", type=int, default=30)
    parser.add_argument("--rules", action="store_true", help="run it with each rule left out, which must be caught")
    parser.add_argument("--only", action="append", default=[], choices=list(LEFT_OUT), help="with --rules: this one")
    options = parser.parse_args(arguments)
    program = ROOT / "build" / options.preset / "tests" / "stress" / "kill_loop"
    if not program.exists():
        print(f"{program} is missing: build the {options.preset} preset first", file=sys.stderr)
        print("0 passed, 1 failed")
        return 1
    outcomes = rules_left_out(program, options) if options.rules else as_designed(program, options)
    print(f"{sum(outcomes)} passed, {len(outcomes) - sum(outcomes)} failed")
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
