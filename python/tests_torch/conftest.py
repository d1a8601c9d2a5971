# SPDX-License-Identifier: Apache-2.0
"""One daemon for all tests with PyTorch."""

import gc
import os
import subprocess
import sys

import pytest

import vineyard
from vineyard.deploy.local import Daemon


@pytest.fixture(scope="session")
def daemon():
    os.environ.pop("VINEYARD_IPC_SOCKET", None)
    with Daemon(size="1Gi") as running:
        yield running


@pytest.fixture
def client(daemon):
    """A client; what the test left behind is deleted."""
    with vineyard.connect(daemon.socket) as connected:
        yield connected
        gc.collect()
        connected.clear()


@pytest.fixture
def run_python(daemon):
    """Runs a program in another process, with `client` connected to the daemon; returns what it prints."""

    def run(code):
        text = f"import sys, vineyard\nclient = vineyard.connect({daemon.socket!r})\n{code}"
        done = subprocess.run([sys.executable, "-W", "error", "-c", text], capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run
