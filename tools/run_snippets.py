#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the Python that our documentation shows, so that what it shows is true.

Usage: run_snippets.py [FILE.md...]      (default: README.md and docs/**/*.md)

The ```python blocks of one file run one after the other in one process, in an empty folder. A block may be followed by a block
```text: what the file's blocks have printed by then must end with it. Closes with `N passed, N failed`, one for each file with blocks.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIMEOUT_S = 120
CHECK = """
if not _out.getvalue().rstrip().endswith({expected!r}):
    raise SystemExit("printed:\\n" + _out.getvalue() + "documented:\\n" + {expected!r})
"""
PREAMBLE = "import io as _io, sys as _sys\n_out = _sys.stdout = _io.StringIO()\n"


def program_of(markdown: str) -> str | None:
    """One program of all blocks, or None when there is no Python in it."""
    parts, python_before = [PREAMBLE], False
    for kind, text in BLOCK.findall(markdown):
        if kind == "python":
            parts.append(text)
        elif python_before:
            parts.append(CHECK.format(expected=text.strip()))
        python_before = kind == "python"
    return "".join(parts) if len(parts) > 1 else None


def run(program: str) -> subprocess.CompletedProcess:
    with tempfile.TemporaryDirectory(prefix="vineyard-snippet-", ignore_cleanup_errors=True) as folder:
        script = Path(folder) / "snippet.py"
        script.write_text(program)
        # A private daemon of its own: nobody else's names are there, and its names are nobody else's.
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "XDG_RUNTIME_DIR": folder,
            "XDG_STATE_HOME": folder,
        }
        environment.pop("VINEYARD_IPC_SOCKET", None)
        return subprocess.run(
            [sys.executable, script], cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="*", type=Path)
    options = parser.parse_args(arguments)

    passed = failed = 0
    for path in options.file or [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        program = program_of(path.read_text())
        if program is None:
            continue
        done = run(program)
        passed, failed = passed + (done.returncode == 0), failed + (done.returncode != 0)
        print(f"{path.name}: {'runs' if done.returncode == 0 else 'FAILED'}")
        if done.returncode != 0:
            print(done.stdout + done.stderr)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
