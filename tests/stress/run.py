#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The kill/verify loop, and the same with one rule left out, which it must catch.

Usage: run.py [--rules] [--seconds N] [--preset dev] [--broken-seconds N] [--seed N]

Runs the loop until 500 clients, 100 workers and 30 supervisors were killed (and the time is over): no wrong byte, nothing lost, nothing
left over. With --rules, for each rule that a build of ours can leave out (VINEYARD_LEAVE_OUT), runs it again: it must end with a violation. Closes
with `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
JITTER = "*=jitter:0.01,retire.scanned=long:0.1,retire.marked=long:0.05"

# Rules whose absence the loop must notice, with the delays that make it likely. R1 and others that only a model can show: tests/model.
LEFT_OUT = {
    "R2": "*=jitter:0.01,retire.harvested=long:0.5,retire.marked=long:0.2",
    "R5": JITTER,
    "R8": JITTER,
    "R12": JITTER,
    "R13": JITTER,
    "R15": JITTER,
}


def loop(program: Path, seed: int, seconds: float, counts: tuple[int, int, int], environment: dict[str, str]) -> int:
    command = [program, "--seconds", str(seconds), "--seed", str(seed)]
    for name, count in zip(("--clients", "--workers", "--supervisors"), counts, strict=True):
        command += [name, str(count)]
    return subprocess.run([str(c) for c in command], env={**os.environ, **environment}, check=False).returncode


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--broken-seconds", type=float, default=60, help="at most, for each rule left out")
    parser.add_argument("--preset", default="dev")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1 << 31))
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--supervisors", type=int, default=30)
    parser.add_argument("--rules", action="store_true", help="also run it with each rule left out, which must be caught")
    options = parser.parse_args(arguments)
    program = ROOT / "build" / options.preset / "tests" / "stress" / "kill_loop"
    if not program.exists():
        print(f"{program} is missing: build the {options.preset} preset first", file=sys.stderr)
        print("0 passed, 1 failed")
        return 1
    passed = failed = 0
    counts = (options.clients, options.workers, options.supervisors)
    for what, jitter in (("as designed", ""), ("as designed, with delays at the labelled steps", JITTER)):
        print(f"-- {what}", flush=True)
        good = loop(program, options.seed, options.seconds / 2, counts, {"VINEYARD_FAILPOINTS": jitter}) == 0
        passed, failed = passed + good, failed + (not good)
    for rule, jitter in LEFT_OUT.items() if options.rules else ():
        print(f"-- without {rule}: must be caught", flush=True)
        caught = False
        for attempt in range(3):
            environment = {"VINEYARD_FAILPOINTS": jitter, "VINEYARD_LEAVE_OUT": rule}
            if loop(program, options.seed + attempt, options.broken_seconds / 3, (0, 0, 0), environment) != 0:
                caught = True
                break
        print(f"   {'caught' if caught else 'NOT CAUGHT'}", flush=True)
        passed, failed = passed + caught, failed + (not caught)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
