# SPDX-License-Identifier: Apache-2.0
"""Connecting, failing, and what is not there yet."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import kill

import vineyard
from vineyard import errors


def run(code, **environment):
    env = {k: v for k, v in os.environ.items() if k not in ("VINEYARD_IPC_SOCKET", "XDG_RUNTIME_DIR")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={**env, **environment})
    assert done.returncode == 0, done.stderr
    return done


def test_importing_loads_no_large_library():
    code = "import sys, vineyard; print(sorted({'numpy', 'pyarrow', 'pandas', 'json', 're', 'typing', 'inspect'} & set(sys.modules)))"
    assert run(code).stdout.strip() == "[]"


def test_importing_opens_no_file_but_its_own_and_no_socket():
    code = """
import sys
seen = []
sys.addaudithook(lambda event, args: seen.append((event, args)) if event in ("open", "socket.__new__", "subprocess.Popen") else None)
import vineyard
others = [a for e, a in seen if e != "open" or not str(a[0]).endswith((".py", ".pyc", ".so"))]
print(others)
"""
    assert run(code).stdout.strip() == "[]"


def test_the_client_says_what_it_is_connected_to(client, daemon):
    assert client.ipc_socket == daemon.socket
    assert client.connected
    assert client.is_ipc
    assert not client.is_rpc
    assert client.instance_id in client.meta
    assert client.version
    assert client.default_client() is client
    status = client.status
    assert status.instance_id == client.instance_id
    assert status.memory_limit > 0
    assert status.ipc_connections >= 1
    assert "memory_limit" in repr(status)


def test_the_three_names_are_one_class(daemon):
    assert vineyard.Client is vineyard.IPCClient is vineyard.RPCClient
    client = vineyard.IPCClient(daemon.socket)
    assert client.get(client.put(1)) == 1


def test_a_client_closes_with_with(daemon):
    with vineyard.connect(socket=daemon.socket) as client:
        assert client.get(client.put([1])) == [1]
    with pytest.raises(errors.ConnectionErrorException):
        client.put(1)
    for call in (lambda: client.put([1]), lambda: client.get("x"), lambda: client.status, lambda: client.exists(1)):
        with pytest.raises(errors.ConnectionErrorException):
            call()


def test_another_client_goes_on_when_one_is_closed(daemon):
    one, two = vineyard.connect(daemon.socket), vineyard.connect(daemon.socket)
    three = two.fork()
    one.close()
    assert two.get(two.put(5)) == 5
    two.close()
    assert three.get(three.put(5)) == 5


def test_the_environment_names_the_socket(daemon):
    code = "import vineyard; c = vineyard.connect(); print(c.ipc_socket); print(vineyard.get(vineyard.put([1, 2])))"
    done = run(code, VINEYARD_IPC_SOCKET=daemon.socket)
    assert done.stdout.split("\n")[:2] == [daemon.socket, "[1, 2]"]
    assert done.stderr == ""


def test_without_a_daemon_one_is_started_and_said_so(tmp_path):
    code = """
import vineyard
client = vineyard.connect()
print(client.ipc_socket, client.status.pids["supervisor"])
assert client.get(client.put([1])) == [1]
"""
    done = run(code, XDG_RUNTIME_DIR=str(tmp_path))
    lines = done.stderr.strip().split("\n")
    assert any("started a private daemon" in line and "socket" in line for line in lines)
    pid = int(done.stdout.split()[1])
    deadline = time.monotonic() + 30
    while os.path.exists(f"/proc/{pid}"):  # it ends with its last client
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nothing_is_started_when_a_socket_is_named(tmp_path):
    with pytest.raises(errors.ConnectionFailedException, match="absent"):
        vineyard.connect(str(tmp_path / "absent.sock"))
    code = """
import vineyard
try:
    vineyard.connect(None)
except vineyard.errors.ConnectionFailedException as e:
    print("refused")
"""
    assert run(code, XDG_RUNTIME_DIR=str(tmp_path)).stdout.strip() == "refused"
    done = run(code.replace("connect(None)", "connect()"), VINEYARD_IPC_SOCKET=str(tmp_path / "absent.sock"))
    assert done.stdout.strip() == "refused"


@pytest.mark.parametrize(
    "call",
    [
        lambda: vineyard.connect("localhost", 9600),
        lambda: vineyard.connect("localhost", "9600"),
        lambda: vineyard.connect(host="localhost", port=9600),
        lambda: vineyard.connect("localhost:9600"),
        lambda: vineyard.connect(endpoint=("localhost", 9600)),
        lambda: vineyard.connect(("localhost", 9600)),
        lambda: vineyard.io.open("file:///x"),
        lambda: vineyard.io.read("file:///x"),
        lambda: vineyard.RemoteBlob(),
        lambda: vineyard.deploy.etcd.start_etcd(),
        lambda: vineyard.deploy.vineyardctl(),
    ],
)
def test_what_is_not_there_yet_says_so(call):
    with pytest.raises(errors.NotImplementedException, match="not there yet"):
        call()


@pytest.mark.parametrize("name", ["migrate", "create_stream", "open_stream", "get_remote_blob"])
def test_methods_that_are_not_there_yet_say_so(client, name):
    with pytest.raises(errors.NotImplementedException, match=f"Client.{name} is not there yet"):
        getattr(client, name)(1)


def test_put_and_get_of_other_instances_say_so(client):
    with pytest.raises(errors.NotImplementedException):
        client.get(client.put([1]), fetch=True)


def test_all_exceptions_are_one_tree():
    from vineyard import _C

    assert issubclass(_C.VineyardException, RuntimeError)
    for name in ("ObjectNotExists", "NotEnoughMemory", "Invalid", "ConnectionFailed", "StreamDrained", "MetaTreeInvalid"):
        assert issubclass(getattr(_C, name + "Exception"), _C.VineyardException)


def test_a_full_pool_is_an_error_that_says_so(own_daemon):
    client = vineyard.connect(own_daemon.socket)
    with pytest.raises(errors.NotEnoughMemoryException) as e:
        client.put(np.zeros(1 << 27))
    assert "GiB" in str(e.value)
    held = []
    with pytest.raises(errors.NotEnoughMemoryException):
        for _ in range(100):
            held.append(client.put(np.zeros(1 << 21)))
    client.delete(held)
    assert client.get(client.put(np.ones(10))).sum() == 10


def test_deleting_reports_nothing_for_what_is_absent_or_a_member(client):
    inner = client.put([1, 2])
    outer = client.put((client.get_object(inner), "x"))
    client.delete(vineyard.ObjectID(12345))
    client.delete(inner)
    assert client.exists(inner)
    client.delete([outer])
    assert not client.exists(outer)
    assert not client.exists(inner)
    a = client.put([1])
    b = client.put((client.get_object(a), 2))
    client.delete(b, deep=False)
    assert client.exists(a)
    c = client.put((client.get_object(a), 2))
    client.delete(a, force=True)
    assert not client.exists(a)
    assert not client.exists(c)


def test_clear_takes_everything(client):
    client.put([1], name="x")
    client.clear()
    assert client.list_objects("*") == []
    assert client.list_names("*") == {}


def test_puts_and_gets_go_on_when_the_worker_is_killed(own_daemon):
    client = vineyard.connect(own_daemon.socket)
    before = client.put(np.arange(1000), name="before")
    view = client.get(before)
    for round_ in range(3):
        worker = client.status.pids["worker"]
        kill(worker)
        between = client.put([round_])
        assert client.get(between) == [round_]
        np.testing.assert_array_equal(client.get(before), np.arange(1000))
        assert client.get(client.get_name("before")).sum() == 499500
        assert client.status.pids["worker"] != worker
        assert client.exists(between)
    np.testing.assert_array_equal(view, np.arange(1000))


def test_a_daemon_that_is_gone_is_an_error_and_views_stay(own_daemon):
    client = vineyard.connect(own_daemon.socket)
    view = client.get(client.put(np.arange(1000)))
    own_daemon.stop()
    assert not client.connected
    with pytest.raises((errors.ConnectionErrorException, errors.ConnectionFailedException)):
        client.put_name(1, "x")
    with pytest.raises((errors.ConnectionErrorException, errors.ConnectionFailedException)):
        for _ in range(100_000):
            client.put(b"x" * 100)
    np.testing.assert_array_equal(view, np.arange(1000))


def test_a_client_finds_the_next_daemon_at_its_socket(tmp_path):
    from vineyard.deploy.local import Daemon

    socket = tmp_path / "v.sock"
    with Daemon(socket=socket, size="64Mi"):
        client = vineyard.connect(socket)
        object_id = client.put([1])
    with Daemon(socket=socket, size="64Mi"):
        assert client.connected  # the first message finds out
        assert client.get(client.put([2])) == [2]
        with pytest.raises(errors.ObjectNotExistsException):
            client.get(object_id)


def test_a_client_in_the_place_of_one_that_put_much_starts_afresh(own_daemon):
    for count in (6000, 3, 10_000, 3):
        code = f"import vineyard; c = vineyard.connect({own_daemon.socket!r}); print(c.get([c.put((n,)) for n in range({count})][-1]))"
        assert run(code).stdout == f"({count - 1},)\n"
    client = vineyard.connect(own_daemon.socket)
    assert client.status.json["counts"].get("voided", 0) == 0
    assert client.status.json["objects"]["total"] == 16_006


def test_try_init_starts_a_daemon_for_this_program():
    code = """
import os, vineyard
socket = vineyard.try_init()
assert os.environ["VINEYARD_IPC_SOCKET"] == vineyard.get_current_socket() == socket
client = vineyard.connect()
assert client.ipc_socket == socket and client.get(client.put(1)) == 1
try:
    vineyard.try_init()
except AssertionError:
    print("once")
vineyard.shutdown()
assert "VINEYARD_IPC_SOCKET" not in os.environ
try:
    vineyard.get_current_socket()
except ValueError:
    print("ended")
"""
    assert run(code).stdout.split() == ["once", "ended"]


def test_envvars_are_undone():
    os.environ["VINEYARD_TEST"] = "a"
    with vineyard.envvars("VINEYARD_TEST", "b", append=True), vineyard.envvars({"VINEYARD_TEST_2": "c"}):
        assert os.environ["VINEYARD_TEST"] == "a:b"
        assert os.environ["VINEYARD_TEST_2"] == "c"
    assert os.environ.pop("VINEYARD_TEST") == "a"
    assert "VINEYARD_TEST_2" not in os.environ


def test_a_client_is_not_pickled(client):
    import pickle

    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(client)


def test_a_worker_process_started_by_fork_or_spawn_shares_values(client, daemon):
    import multiprocessing

    object_id = client.put(np.arange(100))
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2, initializer=connect_in_worker, initargs=(daemon.socket,)) as pool:
            assert pool.map(total_in_worker, [repr(object_id)] * 4) == [4950] * 4


def connect_in_worker(socket):
    global worker_client
    worker_client = vineyard.connect(socket)


def total_in_worker(object_id):
    return int(worker_client.get(object_id).sum())


def test_csi_paths_find_the_socket(client, tmp_path):
    from vineyard import csi

    os.symlink(client.ipc_socket, tmp_path / "vineyard.sock")
    path = str(tmp_path / "folder" / "value")
    csi.write([1, 2], path)
    assert csi.read(path) == [1, 2]
