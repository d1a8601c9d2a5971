# SPDX-License-Identifier: Apache-2.0
"""Child processes that measure, rows with a verdict, and the table that they are printed in."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NOISE = 1.3  # an anchor that moved by more gives no verdict


class Failure(Exception):
    """Something that the person who measures should read, without a traceback."""


class Side:
    """A process that measures: `side.name(...)` calls that method of the class `Side` of a module, over there.

    Ends with its `with` block. `python` is the interpreter, so a program in a venv of its own has one there.
    """

    def __init__(self, module, python=sys.executable, environment=None, **arguments):
        command = [str(python), "-B", str(HERE / "side.py"), str(module), json.dumps(arguments)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                       env={**os.environ, **(environment or {})})  # fmt: skip
        try:
            self._hear()
        except BaseException:
            self.__exit__()
            raise

    def _hear(self):
        line = self._child.stdout.readline()
        if not line:
            raise Failure(f"a measuring process ended with status {self._child.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failure(answer["error"])
        return answer["value"]

    def __getattr__(self, name):
        def call(*arguments):
            self._child.stdin.write(json.dumps([name, arguments]) + "\n")
            self._child.stdin.flush()
            return self._hear()

        return call

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._child.stdin.close()
        try:
            self._child.wait(20)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child.stdout.close()


def alternate(rounds, *measures):
    """Calls the measures in turn, `rounds` times; a list of figures for each."""
    found = [[] for _ in measures]
    for _ in range(rounds):
        for values, measure in zip(found, measures):
            values.append(measure())
    return found


def moved(anchor):
    """Whether the anchor moved by more than 30 % between rounds: then the machine was busy with something else."""
    return bool(anchor) and min(anchor) > 0 and max(anchor) / min(anchor) > NOISE


class Table:
    """Prints rows as they come, and keeps them for the JSON file."""

    HEAD = ("row", "what", "ours", "limit", "ratio", "bar", "verdict")
    FORMAT = "{:<5} {:<76} {:>13} {:>10} {:>8} {:>10}  {}"

    def __init__(self, limit="limit"):
        self.rows = []
        self._limit = limit

    def head(self):
        """The first line."""
        print(self.FORMAT.format(*(self._limit if cell == "limit" else cell for cell in self.HEAD)), flush=True)

    def add(self, row, what, unit, ours, limit, bar, anchor=(), note=""):
        """Judges medians: `bar` is ("<=" or ">=", factor) for ours / limit, or None for a figure without a bar."""
        ratio = statistics.median(ours) / statistics.median(limit)
        self._add(row, what, unit, ours, limit, ratio, bar, moved(anchor or limit), note)

    def add_peer(self, row, what, unit, ours, theirs, factor):
        """Judges how many times as long theirs takes; `factor` is the least, or None for a figure without a bar."""
        ratio = statistics.median(theirs) / statistics.median(ours)
        self._add(row, what, unit, ours, theirs, ratio, None if factor is None else (">=", factor), moved(theirs), "")

    def _add(self, row, what, unit, ours, limit, ratio, bar, noisy, note):
        text = verdict = ""
        if bar is not None:
            sign, factor = bar
            text = f"{sign} {factor:g}x"
            met = ratio <= factor if sign == "<=" else ratio >= factor
            verdict = "noisy" if noisy else "met" if met else "missed"
        mine, other = statistics.median(ours), statistics.median(limit)
        self.rows.append({"row": row, "what": what, "unit": unit, "ours": mine, "limit": other, "ratio": ratio,
                          "bar": text, "verdict": verdict, "note": note})  # fmt: skip
        shown = verdict + (f"  [{note}]" if note else "")
        cells = (row, what, f"{mine:.4g} {unit}", f"{other:.4g}", f"{ratio:.3g}", text, shown)
        print(self.FORMAT.format(*cells).rstrip(), flush=True)

    def write(self, path):
        """One JSON object a line, those with a verdict."""
        with open(path, "w") as file:
            for row in self.rows:
                if row["verdict"]:
                    file.write(json.dumps(row) + "\n")

    def missed(self):
        """How many bars were missed."""
        return sum(row["verdict"] == "missed" for row in self.rows)


def machine():
    """The machine in a line."""
    load = os.getloadavg()[0]
    return f"{os.uname().release}, {os.cpu_count()} cores, load {load:.1f}, Python {sys.version.split()[0]}"
