# SPDX-License-Identifier: Apache-2.0
"""What a program waits for before its first object, each time in a fresh process."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager

IMPORT = """
import time
start = time.perf_counter()
import vineyard
print(time.perf_counter() - start)
"""
CONNECT = """
import sys, time
{first}
import vineyard
start = time.perf_counter()
client = vineyard.connect(sys.argv[1])
print(time.perf_counter() - start)
"""
# What a program does that has only just been written: no daemon runs, nothing is configured.
PRIVATE = """
import time
import vineyard
start = time.perf_counter()
client = vineyard.connect()
object_id = client.put(b"hello")
bytes(client.get(object_id))
print(time.perf_counter() - start)
"""
NUMPY = "import numpy\nnumpy.ones((200, 200)) @ numpy.ones((200, 200))"  # whoever has used it has threads


def run(code, *arguments, python=sys.executable, environment=None):
    """The number that a fresh process prints."""
    done = subprocess.run([str(python), "-c", code, *arguments], env={**os.environ, **(environment or {})},
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return float(json.loads(done.stdout.split()[-1]))


@contextmanager
def nobody_serves():
    """An environment in which `connect()` finds no daemon; the private one ends by itself, after its last client."""
    with tempfile.TemporaryDirectory(prefix="vineyard-bench-", ignore_cleanup_errors=True) as folder:
        yield {"XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder, "VINEYARD_IPC_SOCKET": f"{folder}/v.sock"}


def import_seconds():
    """`import vineyard`."""
    return run(IMPORT)


def connect_seconds(socket, first=""):
    """`connect` to a daemon that runs."""
    return run(CONNECT.format(first=first), socket)


def private_seconds():
    """`connect` that has to start a daemon, the first put and the first get."""
    with nobody_serves() as environment:
        environment.pop("VINEYARD_IPC_SOCKET")
        return run(PRIVATE, environment=environment)
