# SPDX-License-Identifier: Apache-2.0
"""`vineyardd` as it is started: what is wrong is one line and a status; leftovers and narrow machines are no hindrance."""

import contextlib
import os
import resource
import socket
import subprocess

import pytest
from conftest import kill, kill_tree, wait_for

import vineyard
from vineyard import errors
from vineyard.deploy.local import Daemon, _listens, find_vineyardd


@pytest.fixture
def place(tmp_path):
    """A folder for one daemon: what it would write to a user's folders goes there."""
    tmp_path.chmod(0o700)
    return tmp_path


def environment(place, **more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("VINEYARD_", "XDG_"))}
    return {**kept, "XDG_RUNTIME_DIR": str(place), "XDG_STATE_HOME": str(place), **more}


def start(place, *words, **more):
    """A start that fails: its status and what it said."""
    env = environment(place, **more)
    process = subprocess.Popen([find_vineyardd(), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.terminate()
        out, err = process.communicate()
        pytest.fail(f"{words} {more} started: {err.decode()}")
    assert out == b""
    return process.returncode, err.decode("utf-8", "strict")


# What is wrong, and what the one line has to say of it. {p} is the folder of the test.
BAD_STARTS = [
    # arguments
    (["start"], "start"),
    (["--"], "--", "more"),
    (["-x"], "-x"),
    (["--sizee", "1Gi"], "--sizee"),
    (["--size"], "--size"),
    (["--socket"], "--socket"),
    (["--until-idle", "maybe"], "maybe"),
    (["--until-idle=maybe"], "--until-idle", "neither true nor false"),
    (["--reserve=perhaps"], "--reserve", "neither true nor false"),
    (["--prefault", "later"], "none, background, full"),
    (["--log", "xml"], "text, json"),
    # sizes
    (["--size", "lots"], "lots", "512Mi"),
    (["--size", "0"], "at least 4.0 MiB"),
    (["--size", "-1"], "-1"),
    (["--size", "1Mi"], "at least 4.0 MiB"),
    (["--size", "1Xi"], "1Xi"),
    (["--size", "900Ti"], "of memory of this machine", "choose a smaller one"),
    (["--size", "9223372036854775808"], "more than any machine has"),
    (["--size", "18446744073709551616"], "more than any machine has"),
    (["--size", "99999999999999999999Ti"], "more than any machine has"),
    # sockets
    (["--socket", "{p}/missing/s"], "does not exist", "create it first"),
    (["--socket", "{p}/folder"], "is a directory", "choose another path"),
    (["--socket", "{p}/file"], "is a file", "choose another path"),
    (["--socket", "{p}/link"], "is a symbolic link"),
    (["--socket", "{p}/file/s"], "file/s"),
    (["--socket", "/proc/s"], "/proc/s"),
    (["--socket", "/tmp/" + "x" * 103], "108 bytes", "at most 107"),
    (["--socket", "{p}/stream"], "another program listens"),
    # folders
    (["--state-dir", "{p}/file"], "--state-dir", "is not a directory"),
    (["--state-dir", "{p}/file/below"], "--state-dir", "file"),
    (["--state-dir", "/proc/state"], "--state-dir", "/proc/state"),
    (["--state-dir", "{p}/open"], "--state-dir", "chmod 700"),
    # the file of --config
    (["--config", "{p}/missing.toml"], "--config", "missing.toml", "No such file"),
    (["--config", "{p}/folder"], "--config", "is a directory, not a file"),
    (["--config", "/dev/zero"], "--config", "not a file"),
    (["--config", "{p}/pipe"], "--config", "not a file"),
    (["--config", "{p}/unknown.toml"], "unknown.toml", 'no setting "sice"'),
    (["--config", "{p}/section.toml"], "section.toml", "pool"),
    (["--config", "{p}/garbage.toml"], "garbage.toml"),
    (["--config", "{p}/long.toml"], "long.toml"),
    (["--config", "{p}/huge.toml"], "huge.toml", "larger than 1 MiB"),
    (["--config", "{p}/perhaps.toml"], "reserve in the file of --config", "perhaps"),
    (["--config", "{p}/prefault.toml"], "prefault in the file of --config", "none, background, full"),
    (["--config", "{p}/nested.toml"], "nested.toml", "config"),
    # the environment
    ({"VINEYARD_SIZE": "lots"}, "VINEYARD_SIZE", "lots"),
    ({"VINEYARD_SIZE": "-3"}, "VINEYARD_SIZE"),
    ({"VINEYARD_PREFAULT": "x"}, "VINEYARD_PREFAULT", "none, background, full"),
    ({"VINEYARD_LOG": "x"}, "VINEYARD_LOG", "text, json"),
    ({"VINEYARD_RESERVE": "x"}, "VINEYARD_RESERVE"),
    ({"VINEYARD_CONFIG": "{p}/missing.toml"}, "missing.toml"),
    ({"VINEYARD_STATE_DIR": "{p}/file"}, "file", "is not a directory"),
    ({"VINEYARD_SOCKET": "{p}/missing/s"}, "does not exist"),
    ({"VINEYARD_WORKER": "{p}/missing.so"}, "VINEYARD_WORKER", "missing.so"),
]


@pytest.mark.parametrize("case", BAD_STARTS, ids=lambda case: str(case[0]))
def test_a_bad_start_is_one_line_and_a_status(place, case):
    given, *says = case
    (place / "folder").mkdir()
    (place / "open").mkdir()
    (place / "open").chmod(0o777)
    (place / "file").write_text("x")
    (place / "link").symlink_to("file")
    os.mkfifo(place / "pipe")
    for name, text in {
        "unknown": 'sice = "1Gi"\n',
        "section": '[pool]\nsize = "1Gi"\n',
        "garbage": "\x01\x1b[2J\n{{{[[[=\r\n",
        "long": "x" * 100_000,
        "huge": "#" * (1 << 21),
        "perhaps": 'reserve = "perhaps"\n',
        "prefault": "prefault = 7\n",
        "nested": 'config = "other.toml"\n',
    }.items():
        (place / f"{name}.toml").write_text(text)
    before = sorted(os.listdir(place))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(place / "stream"))
        other.listen()
        words = ["--size", "16Mi", "--socket", place / "s"]
        more = {}
        if isinstance(given, dict):
            more = {name: text.format(p=place) for name, text in given.items()}
            words = [] if "VINEYARD_SIZE" in more else ["--size", "16Mi"]
        else:
            words += [word.format(p=place) for word in given]
        if given == ["--"]:
            words += says[1:]
        status, text = start(place, *words, **more)
    assert status == 2
    assert text.startswith("vineyardd: ")
    assert text.count("\n") == 1
    assert len(text) < 500
    assert text[:-1].isprintable()
    for part in says:
        assert part in text
    assert not (place / "s").exists()
    left = set(os.listdir(place)) - set(before) - {"stream", "vineyard", "s.lock"}
    assert left == set()


def test_a_second_daemon_on_the_same_socket_is_refused_and_the_first_one_serves_on(own_daemon, place):
    client = vineyard.connect(own_daemon.socket)
    object_id = client.put([1, 2])
    status, text = start(place, "--size", "16Mi", "--socket", own_daemon.socket)
    assert (status, text) == (
        2,
        f"vineyardd: a daemon listens at {own_daemon.socket} already; stop it, or choose another path with --socket\n",
    )
    assert client.get(object_id) == [1, 2]
    assert vineyard.connect(own_daemon.socket).fork().get(object_id) == [1, 2]


def test_daemons_beside_each_other_share_nothing(place):
    with Daemon(size="16Mi") as one, Daemon(size="16Mi") as two:
        first, second = vineyard.connect(one.socket), vineyard.connect(two.socket)
        object_id = first.put([1], name="mine")
        with pytest.raises(errors.ObjectNotExistsException):
            second.get("mine")
        assert not second.exists(object_id)
        assert second.get(second.put([2])) == [2]


def test_what_a_killed_daemon_left_behind_is_no_hindrance(place):
    path = place / "s"
    for _ in range(3):
        with Daemon(socket=path, size="16Mi") as daemon:
            client = vineyard.connect(path)
            assert client.connected  # not yet closed by the last one, it may be the connection to that
            wait_for("the standby", lambda client=client: client.status.pids["standby"])
            kill_tree([pid for pid in client.status.pids.values() if pid])
            daemon.process.wait()
            wait_for("their last thread to be gone", lambda: not _listens(str(path)))
        assert path.exists()
    with Daemon(socket=path, size="16Mi"):
        client = vineyard.connect(path)
        assert client.get(client.put([1])) == [1]
    assert not path.exists()


def test_a_worker_that_is_started_again_needs_no_file_and_no_environment(place):
    """What was decided at the start counts, whatever has become of the file of --config."""
    config, path = place / "vineyard.toml", place / "s"
    config.write_text(f'size = "32Mi"\nsocket = "{path}"\nprefault = "none"\nstate-dir = "{place}/state"\n')
    process = subprocess.Popen([find_vineyardd(), "--config", config], env=environment(place), stderr=subprocess.DEVNULL)
    try:
        wait_for("the daemon", lambda: can_connect(path))
        client = vineyard.connect(path)
        object_id = client.put([1, 2])
        config.write_text("nonsense\n")
        worker = client.status.pids["worker"]
        kill(worker)
        assert client.status.pids["worker"] != worker
        config.unlink()
        kill(client.status.pids["worker"])
        assert client.status.memory_limit == 32 << 20
        assert client.get(object_id) == [1, 2]
    finally:
        process.terminate()
        process.wait(60)


def can_connect(path):
    with contextlib.suppress(errors.VineyardException):
        return vineyard.connect(path)
    return None


def test_fewer_descriptors_than_a_client_needs_are_said_at_the_start(place):
    limit = ["prlimit", "--nofile=12"]
    done = subprocess.run(
        [*limit, find_vineyardd(), "--size", "16Mi", "--socket", place / "s"],
        env=environment(place), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "12 files open" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_small_dev_shm_is_no_hindrance(place):
    """D6: memfd only. A name space of its own has a /dev/shm of a megabyte."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small /dev/shm")
    path = place / "s"
    script = f"mount -t tmpfs -o size=1m none /dev/shm && exec {find_vineyardd()} --size 64Mi --socket {path} --state-dir {place}/state"
    process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script], stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        if "serves" not in line:
            pytest.skip("no name space of its own here: " + line.strip())
        wait_for("the daemon", lambda: can_connect(path))
        client = vineyard.connect(path)
        value = os.urandom(30 << 20)
        assert client.get(client.put(value)) == value
    finally:
        process.terminate()
        process.stderr.close()
        process.wait(60)


def test_the_limit_of_this_process_is_left_as_it_was(own_daemon):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    client = vineyard.connect(own_daemon.socket)
    client.get(client.put([1]))
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
