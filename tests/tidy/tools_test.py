# SPDX-License-Identifier: Apache-2.0
"""The scripts behind the Makefile: counts add up, missing parts are said, and the right Python is found."""

import contextlib
import io
import os
import re
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import cover
import fuzz
import run_snippets
import run_tests
from run_tests import Counts

JUNIT = """<?xml version="1.0"?>
<testsuite name="x" tests="10" failures="2" disabled="1" skipped="3"></testsuite>
"""
PYTEST_JUNIT = """<?xml version="1.0"?>
<testsuites><testsuite name="pytest" tests="5" failures="1" errors="1" skipped="0"/></testsuites>
"""


def program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


class Temporary(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class RunTests(Temporary):
    def counts(self, text):
        path = self.folder / "junit.xml"
        path.write_text(text)
        return run_tests.counts_of_junit(path)

    def test_reads_what_ctest_wrote(self):
        self.assertEqual(self.counts(JUNIT), Counts(4, 2, 4))

    def test_reads_what_pytest_wrote(self):
        self.assertEqual(self.counts(PYTEST_JUNIT), Counts(3, 2, 0))

    def test_a_report_that_is_not_there_is_a_failure(self):
        self.assertEqual(run_tests.counts_of_junit(self.folder / "none.xml"), Counts(failed=1))

    def run_script(self, text):
        (self.folder / "part.py").write_text(text)
        with mock.patch.object(run_tests, "ROOT", self.folder), contextlib.redirect_stdout(io.StringIO()):
            return run_tests.script("part.py")

    def test_takes_the_closing_line_of_a_script(self):
        self.assertEqual(self.run_script("print('9 passed, 9 failed')\nprint('3 passed, 0 failed, 1 skipped')"), Counts(3, 0, 1))

    def test_a_script_that_fails_without_counts_is_one_failure(self):
        self.assertEqual(self.run_script("raise SystemExit(3)"), Counts(failed=1))

    def test_a_script_that_dies_after_good_counts_is_a_failure(self):
        self.assertEqual(self.run_script("print('3 passed, 0 failed')\nraise SystemExit(1)"), Counts(3, 1))

    def test_a_missing_part_is_said_and_not_passed(self):
        with mock.patch.object(run_tests, "ROOT", self.folder), contextlib.redirect_stdout(io.StringIO()) as output:
            self.assertEqual(run_tests.script("gone.py"), Counts(skipped=1))
        self.assertIn("gone.py: this part of the project is missing", output.getvalue())

    def summary(self, *counts):
        stages = [run_tests.Stage(f"s{i}", "what", lambda c=c: c) for i, c in enumerate(counts)]
        file = self.folder / "summary.txt"
        with (
            mock.patch.object(run_tests, "STAGES", stages),
            mock.patch.object(run_tests, "SUMMARY", file),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            return run_tests.main([]), file.read_text()

    def test_closes_with_the_sum_alone_on_a_line(self):
        status, text = self.summary(Counts(3), Counts(4, 0, 1))
        self.assertEqual((status, text.splitlines()[-1]), (0, "7 passed, 0 failed, 1 skipped"))

    def test_one_failure_fails_all(self):
        status, text = self.summary(Counts(3), Counts(0, 1))
        self.assertEqual((status, text.splitlines()[-1]), (1, "3 passed, 1 failed"))

    def test_no_test_at_all_is_a_failure(self):
        self.assertEqual(self.summary(Counts(skipped=2))[0], 1)

    def test_the_stages_of_the_day_are_not_those_of_the_night(self):
        day = [stage.name for stage in run_tests.STAGES if not stage.nightly]
        self.assertEqual(day, ["dev", "python", "stress", "rules", "asan", "fuzz"])


class Fuzz(Temporary):
    def run_fuzz(self, **targets):
        folder = self.folder / "tests" / "fuzz"
        folder.mkdir(parents=True)
        for name, text in targets.items():
            program(folder, f"fuzz_{name}", "#!/bin/sh\n" + text)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            status = fuzz.main(["--build", str(self.folder), "--runs", "7"])
        return status, output.getvalue()

    def test_counts_targets(self):
        report = "echo stat::number_of_executed_units: 7 >&2"
        status, output = self.run_fuzz(a=report, b=f"{report}; exit 77")
        self.assertEqual(status, 1)
        self.assertIn("fuzz_a: found nothing in 7 runs", output)
        self.assertIn("fuzz_b: FAILED", output)
        self.assertEqual(output.splitlines()[-1], "1 passed, 1 failed")

    def test_no_target_is_a_failure(self):
        self.assertEqual(self.run_fuzz()[0], 1)


class Snippets(Temporary):
    def run_markdown(self, text):
        path = self.folder / "page.md"
        path.write_text(text)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            status = run_snippets.main([str(path)])
        return status, output.getvalue()

    def test_blocks_of_a_page_share_their_names_and_what_they_print_is_compared(self):
        page = "```python\nx = 1\n```\nthen\n```python\nprint(x + 1)\n```\n```text\n2\n```\n"
        self.assertEqual(self.run_markdown(page), (0, "page.md: runs\n1 passed, 0 failed\n"))

    def test_other_output_than_documented_is_a_failure(self):
        status, output = self.run_markdown("```python\nprint(1)\n```\n```text\n2\n```\n")
        self.assertEqual(status, 1)
        self.assertIn("0 passed, 1 failed", output)

    def test_an_exception_is_a_failure(self):
        self.assertEqual(self.run_markdown("```python\n1 / 0\n```\n")[0], 1)

    def test_a_page_without_python_counts_for_nothing(self):
        self.assertEqual(self.run_markdown("```text\n2\n```\n"), (0, "0 passed, 0 failed\n"))


class Scripts(Temporary):
    def sh(self, *command, **environment):
        return subprocess.run(
            command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
        )

    def test_an_old_python_in_front_is_passed_over(self):
        program(self.folder, "python3", "#!/bin/sh\nexit 1\n")
        found = self.sh("tools/find_python.sh", PATH=f"{self.folder}:/usr/bin:/bin")
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertFalse(found.stdout.startswith(str(self.folder)))

    def test_the_first_new_enough_python_is_taken(self):
        mine = program(self.folder, "python3", "#!/bin/sh\nexit 0\n")
        self.assertEqual(self.sh("tools/find_python.sh", PATH=f"{self.folder}:/usr/bin:/bin").stdout.strip(), str(mine))

    def test_a_missing_part_is_said(self):
        done = self.sh("tools/run_part.sh", "examples/no_such_part.py")
        self.assertEqual(done.returncode, 1)
        self.assertIn("examples/no_such_part.py: this part of the project is missing", done.stderr)

    def test_without_root_the_one_command_is_said(self):
        program(self.folder, "dpkg-query", "#!/bin/sh\nexit 1\n")
        program(self.folder, "id", "#!/bin/sh\necho 1000\n")
        done = self.sh("tools/install_deps.sh", "--check", PATH=f"{self.folder}:{os.environ['PATH']}")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"sudo sh -c 'apt-get update && apt-get install .* g\+\+ .*'")

    def test_every_script_of_the_makefile_but_agreed_parts_exists(self):
        named = set(re.findall(r"tools/[\w.]+", (ROOT / "Makefile").read_text()))
        self.assertEqual([name for name in sorted(named) if not (ROOT / name).exists()], [])

    def test_coverage_asks_for_the_core_folders_only(self):
        self.assertEqual(set(cover.CORE), {"shm", "meta", "protocol", "store", "catalog"})


if __name__ == "__main__":
    unittest.main()
