# SPDX-License-Identifier: Apache-2.0
"""Row 30: what one get and one put execute, by callgrind and strace, against figures that were recorded.

Two runs of the same loop, one with twice as many operations: the difference is the operations' alone.

    instructions.py BENCH --record        writes instructions.json anew
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

RECORDED = Path(__file__).resolve().parent / "instructions.json"
OPERATIONS = 20_000
MORE_AT_MOST = 1.05
LOCKED_AT_MOST = {"get": 1, "put": 1}
LOOPS = ("get", "put")
# What a put may ask the kernel for: a message whenever half of the grants are used, an arena when one is full, pages
# every 4 MiB.
CALLS_AT_MOST = {"get": 0.0, "put": 0.005}


def executed(bench: Path, loop: str, count: int, folder: Path) -> dict[tuple[str, int], int]:
    """Instructions executed, by object file and address."""
    out = folder / "callgrind.out"
    out.unlink(missing_ok=True)
    command = ["valgrind", "--tool=callgrind", "--dump-instr=yes", "--dump-line=no", "--compress-strings=no"]
    command += ["--compress-pos=no", f"--callgrind-out-file={out}", bench, "--loop", loop, "--count", str(count)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    counts: dict[tuple[str, int], int] = defaultdict(int)
    file, skip = "", False
    for line in out.read_text().splitlines():
        if line.startswith("ob="):
            file = line[3:]
        elif line.startswith("calls="):
            skip = True  # the next line counts what the called function executed: it is counted there
        elif line.startswith("0x"):
            if not skip:
                address, cost = line.split()[:2]
                counts[file, int(address, 16)] += int(cost)
            skip = False
    return counts


def locked_addresses(file: str) -> set[int]:
    """Where an object file has instructions that lock the bus: a lock prefix, or an exchange with memory."""
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", file], check=False, capture_output=True, text=True)
    locked = re.compile(r"^\s*([0-9a-f]+):\s+(?:lock\b|xchg\s+.*\()", re.MULTILINE)
    return {int(address, 16) for address in locked.findall(listing.stdout)}


def system_calls(bench: Path, loop: str, folder: Path) -> int:
    """Between the two marks that the loop writes to no file."""
    out = folder / "strace.out"
    command = ["strace", "-qq", "-o", out, bench, "--loop", loop, "--count", str(OPERATIONS)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    lines = out.read_text().splitlines()
    begin, end = (n for n, line in enumerate(lines) if line.startswith('write(-1, "loop"'))
    return end - begin - 1


def measure(bench: Path, loop: str, folder: Path) -> dict[str, float]:
    once = executed(bench, loop, OPERATIONS, folder)
    twice = executed(bench, loop, 2 * OPERATIONS, folder)
    locked: dict[str, set[int]] = {file: locked_addresses(file) for file in {file for file, _ in twice} if file.startswith("/")}

    def of(counts: dict[tuple[str, int], int]) -> tuple[int, int]:
        in_lock = sum(n for (file, address), n in counts.items() if address in locked.get(file, ()))
        return sum(counts.values()), in_lock

    (all_1, locked_1), (all_2, locked_2) = of(once), of(twice)
    return {
        "instructions": round((all_2 - all_1) / OPERATIONS, 1),
        "locked": round((locked_2 - locked_1) / OPERATIONS, 2),
        "calls": round(system_calls(bench, loop, folder) / OPERATIONS, 4),
    }


def verdict(*, met: bool) -> str:
    return "met" if met else "missed"


def rows(bench: Path, folder: Path) -> list[dict]:
    missing = [tool for tool in ("valgrind", "strace", "objdump") if shutil.which(tool) is None]
    if missing:
        what = f"instructions per get and put: {', '.join(missing)} not installed (tools/install_deps.sh)"
        return [{"row": "30", "what": what, "verdict": "missed"}]
    recorded = json.loads(RECORDED.read_text())
    found = []
    for loop in LOOPS:
        now = measure(bench, loop, folder)
        for key, unit, limit, name in (
            ("instructions", "instr", recorded[loop]["instructions"] * MORE_AT_MOST, "recorded + 5 %"),
            ("locked", "locked", LOCKED_AT_MOST[loop], "one"),
            ("calls", "calls", CALLS_AT_MOST[loop], "none, but for top-ups and arenas"),
        ):
            row = {"row": "30", "what": f"{loop}: {key} for each", "unit": unit, "ours": now[key], "limit": limit}
            row |= {"ratio": now[key] / limit if limit else 0.0, "bar": f"<= {name}", "verdict": verdict(met=now[key] <= limit)}
            print(f"30   {row['what']}: {now[key]:g}, at most {limit:g}: {row['verdict']}", flush=True)
            found.append(row)
    return found


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or arguments[1] != "--record":
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="vineyard-bench-") as folder:
        figures = {loop: measure(Path(arguments[0]).resolve(), loop, Path(folder)) for loop in LOOPS}
    RECORDED.write_text(json.dumps(figures, indent=2) + "\n")
    print(RECORDED.read_text(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
