# SPDX-License-Identifier: Apache-2.0
"""A real vineyardd with a socket and folders of its own, for tests in Python (standard library only)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

WATCHDOG_SECONDS = 60


def wait_for(what, condition):
    """Waits until `condition()` is true and returns what it gave; fails after a minute."""
    deadline = time.monotonic() + WATCHDOG_SECONDS
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {WATCHDOG_SECONDS} s for {what}")
        time.sleep(0.005)


def is_running(pid):
    """Whether a process runs: a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


class Daemon:
    """`with Daemon(program) as daemon:` serves `daemon.socket`; afterwards no process and no file of it is left."""

    def __init__(self, program, *arguments):
        self.program = str(program)
        self.arguments = arguments or ("--size", "256M", "--prefault", "none")
        self._folder = tempfile.TemporaryDirectory(prefix="vineyard-test-")
        self.folder = Path(self._folder.name)
        self.socket = str(self.folder / "v.sock")
        self._pids = set()

    def __enter__(self):
        self.log = self.folder / "log"
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.folder), "XDG_STATE_HOME": str(self.folder)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [self.program, "--socket", self.socket, *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
            )  # fmt: skip
        try:
            wait_for("the daemon's socket", self._serves)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in self._pids:  # those that `status` named; after a clean stop none is left
            if is_running(pid):
                os.kill(pid, signal.SIGKILL)
        self._folder.cleanup()

    def _serves(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the daemon ended with {self.process.returncode}:\n{self.log.read_text()}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
            try:
                probe.connect(self.socket)
            except OSError:
                return False
        return True

    def note_pids(self, status_json):
        """Remembers the processes of a status answer, so that the end of the test is theirs, too."""
        pids = {which: pid for which, pid in json.loads(status_json)["pids"].items() if pid}
        self._pids |= set(pids.values())
        return pids
