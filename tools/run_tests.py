#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs all tests, stage by stage, and closes with one line of counts: `N passed, N failed`.

Usage: run_tests.py [--nightly] [--list] [STAGE...]

Without stages: all of the day (`make test`), or with --nightly all there are. A stage that cannot be built counts as one failure; the
others still run. The summary also stands in build/test-summary.txt.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUMMARY = ROOT / "build" / "test-summary.txt"
CLOSING = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.MULTILINE)


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


def tool(*command: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT) -> int:
    """Runs one of our tools, its output with ours; gives its status."""
    return subprocess.run([str(c) for c in command], cwd=cwd, env={**os.environ, **(env or {})}, check=False).returncode


def counts_of_junit(path: Path) -> Counts:
    """The counts of a JUnit file as ctest and pytest write it; a file that is not there is one failure."""
    if not path.exists():
        return Counts(failed=1)
    total = Counts()
    root = ElementTree.parse(path).getroot()
    for suite in [root] if root.tag == "testsuite" else root.iter("testsuite"):
        number = {key: int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped", "disabled")}
        failed, skipped = number["failures"] + number["errors"], number["skipped"] + number["disabled"]
        total += Counts(number["tests"] - failed - skipped, failed, skipped)
    return total


def build_and_ctest(preset: str, *, test_preset: str = "", wrapper: tuple[str, ...] = ()) -> Counts:
    if tool("tools/build.sh", preset) != 0:
        return Counts(failed=1)
    report = ROOT / "build" / preset / f"junit-{test_preset or preset}.xml"
    report.unlink(missing_ok=True)
    command = ["ctest", "--preset", test_preset or preset, "--parallel", str(os.cpu_count() or 1), "--progress"]
    status = tool(*wrapper, *command, "--output-junit", report)
    counts = counts_of_junit(report)
    return counts + Counts(failed=1) if status != 0 and counts.failed == 0 else counts


def python_package() -> Counts:
    """pytest outside the source folder, so that it tests what was installed."""
    if tool(sys.executable, "-B", "tools/make_venv.py") != 0:
        return Counts(failed=1)
    if not (ROOT / "python/tests").is_dir():
        print("python/tests: this part of the project is missing")
        return Counts(skipped=1)
    report, folder = ROOT / "build" / "junit-python.xml", ROOT / "build" / "pytest"
    report.unlink(missing_ok=True)
    folder.mkdir(exist_ok=True)
    command = (ROOT / ".venv/bin/python", "-m", "pytest", "-q", ROOT / "python/tests", f"--junit-xml={report}")
    status = tool(*command, cwd=folder, env={"PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"})
    counts = counts_of_junit(report)
    if status != 0 and counts.failed == 0:
        counts += Counts(failed=1)
    return counts + script("tools/run_snippets.py")


def pandas2() -> Counts:
    """The frames once more, with the oldest pandas that is supported."""
    if tool(sys.executable, "-B", "tools/make_venv.py") != 0:
        return Counts(failed=1)
    report = ROOT / "build" / "junit-pandas2.xml"
    report.unlink(missing_ok=True)
    status = tool("tools/test_with.sh", "pandas2")
    counts = counts_of_junit(report)
    return counts + Counts(failed=1) if status != 0 and counts.failed == 0 else counts


def script(path: str, *arguments: str) -> Counts:
    """A script of ours that closes with `N passed, N failed`, or whose status is the one result."""
    if not (ROOT / path).exists():
        print(f"{path}: this part of the project is missing")
        return Counts(skipped=1)
    command = [str(ROOT / ".venv/bin/python") if (ROOT / ".venv/bin/python").exists() else sys.executable, "-B", path, *arguments]
    output = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            output.append(line)
        status = process.wait()
    closing = CLOSING.findall("".join(output))
    counts = Counts(*(int(n or 0) for n in closing[-1])) if closing else Counts(passed=int(status == 0), failed=int(status != 0))
    return counts + Counts(failed=1) if status != 0 and counts.failed == 0 else counts


def fuzz(runs: int, *arguments: str) -> Counts:
    if tool("tools/build.sh", "fuzz") != 0:
        return Counts(failed=1)
    return script("tools/fuzz.py", f"--runs={runs}", *arguments)


def stress(*arguments: str) -> Counts:
    if tool("tools/build.sh", "dev") != 0:
        return Counts(failed=1)
    return script("tests/stress/run.py", *arguments)


@dataclass(frozen=True)
class Stage:
    name: str
    what: str
    run: Callable[[], Counts]
    nightly: bool = False


STAGES = [
    Stage("dev", "unit, golden, conformance, integration, model, tidy, consumer", lambda: build_and_ctest("dev")),
    Stage("python", "the installed package, and what the documentation shows", python_package),
    Stage("stress", "everything killed at random, everything verified", lambda: stress("--seconds=60")),
    Stage("rules", "each rule left out on purpose is caught by the kill loop", lambda: stress("--rules")),
    Stage("asan", "the same under AddressSanitizer and UndefinedBehaviorSanitizer", lambda: build_and_ctest("asan")),
    Stage("fuzz", "a million runs of each parser, the same ones every time", lambda: fuzz(1_000_000, "--seed=1")),
    Stage("pandas2", "frames and arrays with pandas 2.2", pandas2, nightly=True),
    Stage("tsan", "the same under ThreadSanitizer", lambda: build_and_ctest("tsan", wrapper=("setarch", "-R")), nightly=True),
    Stage("clang", "the second compiler", lambda: build_and_ctest("clang-dev"), nightly=True),
    Stage("tidy", "clang-tidy and clang-format", lambda: script("tools/tidy.py"), nightly=True),
    Stage("nightly", "full models and long tests", lambda: build_and_ctest("dev", test_preset="nightly"), nightly=True),
    Stage("long-stress", "an hour of it", lambda: stress("--seconds=3600"), nightly=True),
    Stage("long-fuzz", "fifty million runs", lambda: fuzz(50_000_000), nightly=True),
]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nightly", action="store_true", help="all stages there are")
    parser.add_argument("--list", action="store_true", help="only name the stages")
    parser.add_argument("stage", nargs="*", choices=[[], *(stage.name for stage in STAGES)])
    options = parser.parse_args(arguments)
    chosen = [s for s in STAGES if s.name in options.stage or (not options.stage and (options.nightly or not s.nightly))]
    if options.list:
        for stage in STAGES:
            print(f"{stage.name:12} {stage.what}{' (nightly)' if stage.nightly else ''}")
        return 0

    total, lines = Counts(), []
    for stage in chosen:
        print(f"==== {stage.name}: {stage.what}", flush=True)
        started = time.monotonic()
        counts = stage.run()
        total += counts
        lines.append(f"{stage.name:12} {counts!s:40} {time.monotonic() - started:6.0f} s")
        print(lines[-1], flush=True)
    summary = "\n".join([*lines, str(total)]) + "\n"
    SUMMARY.parent.mkdir(exist_ok=True)
    SUMMARY.write_text(summary)
    print("====\n" + summary, end="", flush=True)
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
