# SPDX-License-Identifier: Apache-2.0
"""One daemon for all tests, with a socket and a folder of its own, ended by its pid."""

import gc
import os
import signal
import subprocess
import sys
import time

import pytest

import vineyard
from vineyard.deploy.local import Daemon


@pytest.fixture(scope="session")
def daemon():
    """The daemon that most tests share."""
    os.environ.pop("VINEYARD_IPC_SOCKET", None)
    with Daemon(size="1Gi") as running:
        yield running


@pytest.fixture(scope="session")
def shared_client(daemon):
    return vineyard.connect(daemon.socket)


@pytest.fixture
def client(shared_client):
    """A client; what the test left behind is deleted."""
    yield shared_client
    gc.collect()
    shared_client.clear()


@pytest.fixture
def own_daemon():
    """A daemon that the test may kill."""
    with Daemon(size="256Mi") as running:
        yield running


@pytest.fixture
def run_python(daemon):
    """Runs a program in another process, with `client` connected to the shared daemon; returns what it prints."""

    def run(code, socket=daemon.socket, status=0):
        text = f"import sys, os, vineyard\nclient = vineyard.connect({socket!r})\n{code}"
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stderr
        return done.stdout.strip()

    return run


def kill(pid):
    """`kill -9`."""
    os.kill(pid, signal.SIGKILL)


def wait_for(what, condition):
    """Waits until `condition()` is true; fails after a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"waited a minute for {what}"
        time.sleep(0.002)


def kill_tree(pids):
    """`kill -9` of all processes of a daemon at once."""
    for pid in pids:  # stopped first, or one of them would start another
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        kill(pid)
    wait_for("them to be gone", lambda: not any(map(is_running, pids)))


def is_running(pid):
    """Whether a process runs: a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False
