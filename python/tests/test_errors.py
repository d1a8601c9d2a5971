# SPDX-License-Identifier: Apache-2.0
"""What can go wrong: each error says what was asked, what is, and what to do; nobody else notices, and service goes on."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest
from conftest import kill_tree, wait_for

import vineyard
from vineyard import errors
from vineyard.deploy.local import Daemon

NOBODY = 65534


@contextlib.contextmanager
def nobody_else_notices(path):
    """Another client puts, gets and looks at its views meanwhile; afterwards the instance is consistent."""
    other = vineyard.connect(path).fork()
    kept, view = other.put(np.arange(1000)), other.get(other.put(b"kept" * 100))
    stop, failures, rounds = threading.Event(), [], [0]

    def work():
        while not stop.is_set():
            try:
                assert other.get(kept).sum() == 499500
                assert view == b"kept" * 100
                object_id = other.put(rounds[0])
                assert other.get(object_id) == rounds[0]
                other.delete(object_id)
                rounds[0] += 1
            except BaseException as e:
                failures.append(e)
                return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
        done = rounds[0]
        while rounds[0] < done + 3 and not failures:
            pass
    finally:
        stop.set()
        thread.join()
    assert not failures
    assert other._check_json()[0] == 0
    other.delete(kept)


def says(error, *parts):
    text = str(error.value)
    assert "\n" not in text
    for part in parts:
        assert part in text, text


# ---- a full pool


def test_what_does_not_fit_into_the_pool_says_how_large_that_is(own_daemon):
    client = vineyard.connect(own_daemon.socket)
    with nobody_else_notices(own_daemon.socket):
        for call in (lambda: client.put(np.zeros(1 << 26)), lambda: client.put(bytes(1 << 29)), lambda: client.create_blob(1 << 40)):
            with pytest.raises(errors.NotEnoughMemoryException) as e:
                call()
            says(e, "256.0 MiB", "--size")
        assert client.get(client.put([1, 2])) == [1, 2]


def test_what_does_not_fit_beside_the_others_says_who_holds_the_memory(own_daemon):
    client = vineyard.connect(own_daemon.socket)
    with nobody_else_notices(own_daemon.socket):
        held = [client.put(np.zeros(1 << 22)) for _ in range(5)]  # 32 MiB each
        with pytest.raises(errors.NotEnoughMemoryException) as e:
            client.put(np.zeros(3 << 22))
        says(e, "96.0 MiB", "256.0 MiB", str(os.getpid()))
        client.delete(held[:3])
        assert client.get(client.put(np.ones(3 << 22)))[-1] == 1


@pytest.mark.parametrize("size", [100, 3000, 50_000, 3_000_000])
def test_a_pool_that_is_filled_to_the_end_is_used_again_after_a_deletion(size):
    with Daemon(size="64Mi") as daemon:
        client = vineyard.connect(daemon.socket)
        value = b"x" * size
        fills = []
        for _ in range(2):
            held = []
            with pytest.raises(errors.NotEnoughMemoryException) as e:
                while True:
                    held.append(client.put(value))
                    assert len(held) * size < 64 << 20
            says(e, "MiB")
            assert client.get(held[0]) == client.get(held[-1]) == value
            assert client.exists(held[len(held) // 2])
            client.delete(held)
            assert client.get(client.put([1, 2])) == [1, 2]
            fills.append(len(held))
        assert fills[1] >= fills[0] * 0.8
        assert client._check_json()[0] == 0


def test_a_pool_full_of_small_objects_with_documents_is_used_again():
    with Daemon(size="16Mi") as daemon:
        client = vineyard.connect(daemon.socket)
        for _ in range(2):
            held = []
            with pytest.raises(errors.NotEnoughMemoryException) as e:
                while True:
                    held.append(client.put((len(held), "some text", [1.5] * 10)))
            says(e, "16.0 MiB", "delete", "--size")
            memory = client.status.json["memory"]
            # What was lent is taken home in any case; documents fill whole units there.
            assert memory["used"] <= memory["pool"] + (2 << 20)
            assert client.get(held[-1]) == (len(held) - 1, "some text", [1.5] * 10)
            # Another program connects to the full instance, reads, finds no room either, and makes some.
            code = f"""
import vineyard
client = vineyard.connect({daemon.socket!r})
print(client.get("{held[0]!r}"))
try:
    for n in range(10000):
        client.put(("one", "more"))
except vineyard.errors.NotEnoughMemoryException:
    print("full")
client.delete("{held[0]!r}")
print(client.exists("{held[0]!r}"))
"""
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
            assert done.stdout == "(0, 'some text', [1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5])\nfull\nFalse\n", done.stderr
            client.clear()
            assert client.get(client.put((1, "again"))) == (1, "again")


# ---- names, ids, sizes, types


def test_what_does_not_exist_is_named(client, daemon):
    with nobody_else_notices(daemon.socket):
        for call in (
            lambda: client.get("no such name"),
            lambda: client.get(name="no such name"),
            lambda: client.get_name("no such name"),
            lambda: client.get_object("no such name"),
        ):
            with pytest.raises(errors.ObjectNotExistsException) as e:
                call()
            says(e, "no such name", "vineyard ls --names")
        deleted = client.put(1)
        client.delete(deleted)
        absent = (deleted, vineyard.ObjectID(12345), vineyard.ObjectID(12345 | 1 << 63), vineyard.ObjectID(2**64 - 1), vineyard.ObjectID(0))
        for object_id in absent:
            for call in (client.get, client.get_object, client.get_meta):
                with pytest.raises(errors.ObjectNotExistsException) as e:
                    call(object_id)
                says(e, repr(object_id), "does not exist")
            assert not client.exists(object_id)
            assert client.get_blob(object_id) is None
            client.delete(object_id)
        with pytest.raises(errors.ObjectNotExistsException) as e:
            client.put_name(deleted, "x")
        says(e, "cannot name", "does not exist")


def test_a_deleted_object_under_a_name_says_so(client):
    object_id = client.put([1], name="gone soon")
    client.delete(object_id)
    with pytest.raises(errors.ObjectNotExistsException) as e:
        client.get("gone soon")
    says(e, "does not exist")


@pytest.mark.parametrize("size", [-1, 2**62, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1, 2**64, 2**70])
def test_a_size_that_cannot_be_is_refused(client, daemon, size):
    with nobody_else_notices(daemon.socket):
        with pytest.raises(errors.InvalidException) as e:
            client.create_blob(size)
        assert re.search(r"an object may have 64.0 TiB, not|a blob has 0 to 2\*\*63 - 1 bytes, not", str(e.value))
        assert client.get(client.put(b"fine")) == b"fine"


@pytest.mark.parametrize("name", ["", "x" * 1025, "x" * 100_000, "ü" * 600])
def test_a_name_that_cannot_be_is_refused(client, name):
    for call in (lambda: client.put_name(client.put(1), name), lambda: client.put(1, name=name), lambda: client.get_name(name)):
        with pytest.raises(errors.InvalidException) as e:
            call()
        says(e, "a name has 1 to 1024 bytes", str(len(name.encode())))
    assert client.put(1, name="x" * 1024)


def test_an_object_of_an_unknown_type_is_shown_as_it_is(client, daemon):
    with nobody_else_notices(daemon.socket):
        meta = vineyard.ObjectMeta()
        meta["typename"] = "somebody::Elses<int>"
        meta["answer"] = 42
        meta.add_member("part", client.put(b"bytes"))
        object_id = client.create_metadata(meta).id
        obj = client.get(object_id)
        assert isinstance(obj, vineyard.Object)
        assert obj.typename == "somebody::Elses<int>"
        assert obj.meta["answer"] == 42
        assert bytes(obj.member("part")) == b"bytes"
        assert "somebody::Elses<int>" in repr(obj)


def test_a_value_of_an_unknown_type_says_how_to_make_it_known(client):
    class Refuses:
        def __reduce__(self):
            raise TypeError("not me")

    for value in (Refuses(), [1, Refuses()], {"x": Refuses()}, lambda: 1, threading.Lock(), client):
        with pytest.raises(TypeError, match="pickle"):
            client.put(value)
    assert client.get(client.put([1, 2])) == [1, 2]


def test_what_is_no_id_says_what_is_wanted(client):
    for wrong in (1.5, b"o0000000000000001", [1, 2], object()):
        with pytest.raises(TypeError, match="an object id is wanted"):
            client.get(wrong)
    for wrong in (-1, 2**64):
        with pytest.raises(TypeError, match="0 to 2"):
            client.get(wrong)


# ---- wrong sockets


def test_a_wrong_socket_is_named_with_what_is_there(tmp_path, daemon):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dead:
        dead.bind(str(tmp_path / "dead"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(tmp_path / "other"))
        other.listen()
        cases = {
            "missing": ("there is no socket", "start one with `vineyardd`"),
            "missing/below": ("there is no socket",),
            "link": ("there is no socket",),
            "folder": ("is a directory, not a socket",),
            "file": ("is a file, not a socket",),
            "dead": ("nobody listens", "has ended", "start one with `vineyardd`"),
            "other": ("is no socket of this daemon",),
        }
        with nobody_else_notices(daemon.socket):
            for name, parts in cases.items():
                with pytest.raises((errors.ConnectionFailedException, errors.InvalidException)) as e:
                    vineyard.connect(tmp_path / name)
                says(e, str(tmp_path / name), *parts)
                assert ".native" not in str(e.value)


def test_a_path_that_is_too_long_says_by_how_much(tmp_path):
    path = "/tmp/" + "x" * 103
    with pytest.raises(errors.InvalidException) as e:
        vineyard.connect(path)
    says(e, path, "108 bytes", "at most 107", "choose a shorter one")
    assert ".native" not in str(e.value)
    with pytest.raises(errors.InvalidException, match="zero byte"):
        vineyard.connect("/tmp/x\0y")


@pytest.mark.parametrize("length", [99, 100, 101, 106, 107])
def test_a_path_that_just_fits_works(tmp_path, length):
    folder = tmp_path
    path = str(folder / "s")
    if len(path) >= length:
        pytest.skip("the folder for temporary files has too long a name")
    path += "s" * (length - len(path))
    with Daemon(socket=path, size="16Mi"):
        for given in (path, os.fsencode(path)):
            client = vineyard.connect(given)
            assert client.get(client.put([1])) == [1]


def as_user(uid, function):
    """What `function` gives, in a forked child of another user."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.write(writer, repr(function()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with open(reader) as answer:
        return answer.read()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


@needs_root
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_another_user_is_refused_and_told_so(own_daemon, mode):
    os.chmod(os.path.dirname(own_daemon.socket), mode)

    def attempt():
        try:
            vineyard.connect(own_daemon.socket)
        except errors.DeniedException as e:
            return f"denied: {e}"
        except BaseException as e:
            return f"{type(e).__name__}: {e}"
        return "connected"

    with nobody_else_notices(own_daemon.socket):
        text = as_user(NOBODY, attempt)
    assert "denied: " in text
    assert own_daemon.socket in text
    assert f"uid {NOBODY}" in text
    assert "start a daemon of your own" in text


# ---- dead daemons


def pids_of(client):
    wait_for("the standby", lambda: client.status.pids["standby"])
    return [pid for pid in client.status.pids.values() if pid]


def test_after_the_death_of_the_whole_daemon_views_stay_and_calls_say_what_to_do(own_daemon):
    client = vineyard.connect(own_daemon.socket)
    object_id = client.put(np.arange(1000))
    view, blob = client.get(object_id), client.put(b"x" * 1000)
    kill_tree(pids_of(client))
    own_daemon.process.wait()
    assert view.sum() == 499500
    errors_of_calls = (errors.ConnectionErrorException, errors.ConnectionFailedException)
    for call in (
        lambda: client.put_name(blob, "x"),
        lambda: client.list_objects(),
        lambda: client.status,
        lambda: [client.put(b"x" * 100) for _ in range(100_000)],
        lambda: [client.put(np.arange(1000)) for _ in range(100_000)],
        lambda: client.get(12345),
        lambda: vineyard.connect(own_daemon.socket),
    ):
        with pytest.raises(errors_of_calls) as e:
            call()
        says(e, own_daemon.socket, "daemon")
    with pytest.raises(errors.ConnectionFailedException) as e:
        vineyard.connect(own_daemon.socket)
    says(e, "its daemon has ended", "start one with `vineyardd`")
    assert not client.connected
    assert view.sum() == 499500
    # The next daemon takes the place that the dead one left behind, and the same client goes on.
    with Daemon(socket=own_daemon.socket, size="64Mi"):
        assert client.get(client.put([1, 2])) == [1, 2]
        with pytest.raises(errors.ObjectNotExistsException):
            client.get(object_id)
    assert view.sum() == 499500


def test_a_put_in_progress_when_the_daemon_dies_is_an_error_and_no_hang(own_daemon):
    code = f"""
import sys, vineyard
client = vineyard.connect({own_daemon.socket!r})
print("ready", flush=True)
try:
    while True:
        client.delete([client.put(b"x" * n) for n in range(0, 100_000, 1000)])
except (vineyard.errors.ConnectionErrorException, vineyard.errors.ConnectionFailedException) as e:
    print("said so", flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        kill_tree(pids_of(vineyard.connect(own_daemon.socket)))
        assert process.communicate(timeout=60)[0] == "said so\n"
    finally:
        process.kill()
        process.wait()


# ---- scarce descriptors


def test_with_64_descriptors_a_thousand_connections_harm_nobody(tmp_path):
    """D7: connected clients do not notice; who finds no room is told so, and is let in when there is some."""
    import resource

    path = str(tmp_path / "s")
    program = ["prlimit", "--nofile=64"]
    with subprocess.Popen([*program, *daemon_command(path)], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert "serves" in process.stderr.readline()
            connect_until_served(path)
            with nobody_else_notices(path):
                crowd = []
                soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
                for _ in range(min(1000, soft - 200)):
                    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
                    with contextlib.suppress(BlockingIOError):
                        one.connect(path)
                    crowd.append(one)
                    if len(crowd) % 100 == 0:
                        assert process.poll() is None
                for one in crowd:
                    one.close()
            code = f"import vineyard; c = vineyard.connect({path!r}); print(c.get(c.put([1])))"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
            assert done.stdout == "[1]\n", done.stderr
        finally:
            process.terminate()
            process.stderr.close()
            process.wait(30)


def daemon_command(path):
    from vineyard.deploy.local import find_vineyardd

    return [find_vineyardd(), "--socket", path, "--state-dir", path + ".state", "--size", "64Mi", "--prefault", "none"]


def connect_until_served(path):
    def connects():
        try:
            return vineyard.connect(path)
        except errors.ConnectionFailedException:
            return None

    wait_for("the daemon", connects)
