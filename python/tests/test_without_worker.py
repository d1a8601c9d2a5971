# SPDX-License-Identifier: Apache-2.0
"""put and get with the worker stopped, then killed; and that neither makes a system call."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import kill, wait_for

import vineyard

ROUNDS = 1000  # of put and get, fewer than half of the ids that a warm client holds


def warm_up(client, rounds=20_000):
    """Puts and gets until the client has all the ids and the memory that the rounds below need."""
    object_ids = [client.put(b"x" * 100) for _ in range(rounds)]
    for object_id in object_ids[-100:]:
        client.get(object_id)
    client.delete(object_ids)
    client.sync_meta()


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    wait_for("the process to stop", lambda: open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] == "T")
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_put_and_get_go_on_while_the_worker_is_stopped_and_after_it_was_killed(own_daemon):
    client = vineyard.connect(own_daemon.socket)
    before = client.put(np.arange(1000))
    warm_up(client)
    assert client.get(before).sum() == 499500  # mapped from here on: its arena, and the worker's own with its document
    worker = client.status.pids["worker"]
    with stopped(worker):
        published = [client.put(f"text {n}") for n in range(ROUNDS)]
        for n, object_id in enumerate(published):
            assert client.get(object_id) == f"text {n}"
        blob, array = client.put(b"bytes" * 100), client.put(np.arange(500))
        view = client.get(array)
        assert client.get(blob) == b"bytes" * 100
        assert view.sum() == 124750
        assert client.get(before).sum() == 499500
        kill(worker)
    # Nothing that was published to a stopped worker is lost with it.
    assert client.status.pids["worker"] != worker
    assert all(client.get(object_id) == f"text {n}" for n, object_id in enumerate(published))
    assert view.sum() == client.get(array).sum() == 124750
    other = vineyard.connect(own_daemon.socket).fork()
    assert other.get(blob) == b"bytes" * 100
    assert client._check_json()[0] == 0


def test_another_process_reads_what_is_put_while_the_worker_is_stopped(own_daemon):
    client = vineyard.connect(own_daemon.socket)
    warm_up(client)
    code = f"""
import sys, vineyard
client = vineyard.connect({own_daemon.socket!r})
print(client.get(sys.stdin.readline().strip()), flush=True)
for line in sys.stdin:
    print(client.get(line.strip()), flush=True)
"""
    reader = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(object_id):
        reader.stdin.write(repr(object_id) + "\n")
        reader.stdin.flush()
        return reader.stdout.readline().strip()

    try:
        # It has this writer's arena and outbox from here on: what it has not yet met it asks the worker for.
        assert read(client.put("first")) == "first"
        assert read(client.put(["in", "outbox"])) == "['in', 'outbox']"
        with stopped(client.status.pids["worker"]):
            assert [read(client.put(f"text {n}")) for n in range(50)] == [f"text {n}" for n in range(50)]
    finally:
        reader.stdin.close()
        reader.wait(60)
        reader.stdout.close()


LOOP = """
import os, sys, gc
import vineyard
from test_without_worker import ROUNDS, warm_up

client = vineyard.connect(sys.argv[1])
value = {"bytes": b"x" * 200, "text": "some text", "number": 1.5, "array": None}[sys.argv[2]]
if value is None:
    import numpy as np
    value = np.arange(100)
warm_up(client)
object_ids = [None] * ROUNDS

def put():
    for n in range(ROUNDS):
        object_ids[n] = client.put(value)

def get():
    for object_id in object_ids:
        client.get(object_id)

for _ in range(4):
    put()
    get()
    client.delete(object_ids)
client.sync_meta()
gc.collect()
gc.disable()
os.access("/put begins", 0)
put()
os.access("/get begins", 0)
get()
os.access("/all done", 0)
"""


def calls_between(trace, begin, end):
    """Names of the system calls of a trace, between two marks."""
    lines = trace.splitlines()
    first, last = (next(n for n, line in enumerate(lines) if mark in line) for mark in (begin, end))
    return [re.sub(r"^(\[pid +)?\d*\]? *", "", line).partition("(")[0] for line in lines[first + 1 : last]]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed (tools/install_deps.sh)")
@pytest.mark.parametrize("kind", ["bytes", "text", "number", "array"])
def test_neither_put_nor_get_makes_a_system_call(own_daemon, tmp_path, kind):
    command = [sys.executable, "-c", LOOP, own_daemon.socket, kind]
    strace = ["strace", "-f", "-qq", "-o", str(tmp_path / "trace")]
    paths = [os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run([*strace, *command], capture_output=True, text=True, timeout=300, env=env)
    if "ptrace" in done.stderr and done.returncode != 0:
        pytest.skip("strace may not trace here: " + done.stderr.strip())
    assert done.returncode == 0, done.stderr
    trace = (tmp_path / "trace").read_text()
    assert calls_between(trace, "/put begins", "/get begins") == []
    assert calls_between(trace, "/get begins", "/all done") == []
