# SPDX-License-Identifier: Apache-2.0
"""Ours and the peers, installed and started: for each a process that puts and one that gets."""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness import HERE as OURS_FOLDER
from harness import ROOT, Failure, Side

from vineyard.deploy.local import Daemon

HERE = Path(__file__).resolve().parent
VENVS = ROOT / "build" / "peers"
OURS = OURS_FOLDER / "ours.py"
WHEEL = "vineyard 0.24.2"
MIB = 1 << 20
START_S = 60

REQUIREMENTS = {
    # setuptools: it imports pkg_resources, which later ones lack (inveniosoftware/dictdiffer#193)
    "wheel": ("vineyard==0.24.2", "setuptools<82", "numpy", "pandas", "pyarrow"),
    "ray": ("ray", "numpy", "pandas", "pyarrow"),
}


@dataclass
class System:
    """A program, and the two processes that use it (Ray's is one, with an actor in another one)."""

    name: str
    put: Side
    get: Side
    settings: str
    socket: str = ""
    python: Path = Path(sys.executable)


def venv(name):
    """The interpreter of a peer's venv; makes it when it is not there."""
    folder = VENVS / name
    python, stamp = folder / "bin" / "python", folder / "installed"
    wanted = " ".join(REQUIREMENTS[name])
    if not stamp.exists() or stamp.read_text() != wanted:
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([*pip, *REQUIREMENTS[name]], check=True)
        subprocess.run([*pip, "--no-deps", *(HERE.parent / "requirements.txt").read_text().split()], check=True)
        stamp.write_text(wanted)
    return python


class WheelDaemon:
    """The daemon of the reference, with its memory reserved, without compression, TCP and etcd."""

    FLAGS = ("-meta", "local", "-reserve_memory=true", "-compression=false", "-rpc=false")
    COLD = tuple(flag for flag in FLAGS if "reserve" not in flag)

    def __init__(self, python, size="3Gi", flags=FLAGS):
        self._folder = tempfile.TemporaryDirectory(prefix="vineyard-bench-")
        self.socket = f"{self._folder.name}/wheel.sock"
        programs = list(Path(python).parent.parent.glob("lib/python*/site-packages/vineyard/bdist/vineyardd"))
        program = [str(programs[0])] if programs else [str(python), "-m", "vineyard"]
        log = open(f"{self._folder.name}/log", "wb")
        self._process = subprocess.Popen([*program, "-socket", self.socket, "-size", size, *flags], stdout=log,
                                         stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
        log.close()

    def wait(self):
        """Until it serves its socket."""
        deadline = time.monotonic() + START_S
        while not os.path.exists(self.socket):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Failure("its daemon does not start: " + Path(f"{self._folder.name}/log").read_text()[-300:].strip())
            time.sleep(0.01)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self._process.pid, 15)  # a session of its own: `python -m vineyard` has a child
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, 9)
            self._process.wait()
        except ProcessLookupError:
            pass
        self._folder.cleanup()


def start_ours(stack):
    """Ours, as it starts by default."""
    daemon = stack.enter_context(Daemon(size="3Gi", stderr=subprocess.DEVNULL))
    sides = [stack.enter_context(Side(OURS, socket=daemon.socket)) for _ in range(2)]
    return System("ours", *sides, "vineyardd --size 3Gi", daemon.socket)


def start_wheel(stack):
    """The reference: its own client of the same interface."""
    python = venv("wheel")
    daemon = stack.enter_context(WheelDaemon(python)).wait()
    sides = [stack.enter_context(Side(OURS, python, socket=daemon.socket)) for _ in range(2)]
    return System(WHEEL, *sides, "vineyardd -size 3Gi " + " ".join(daemon.FLAGS), daemon.socket, python)


def start_ray(stack):
    """Ray, a cluster of this machine."""
    side = stack.enter_context(Side(HERE / "with_ray.py", venv("ray"), memory=1024 * MIB))
    return System("ray", side, side, "num_cpus=2, object_store_memory=1 GiB, no dashboard; an actor gets")


def start_standard(kind, name, settings):
    """What Python and the kernel have."""

    def start(stack):
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vineyard-bench-", dir="/dev/shm"))
        sides = [stack.enter_context(Side(HERE / "standard.py", kind=kind, folder=folder)) for _ in range(2)]
        return System(name, *sides, settings)

    return start


PEERS = {
    WHEEL: start_wheel,
    "ray": start_ray,
    "SharedMemory": start_standard("shared_memory", "SharedMemory", "multiprocessing.shared_memory"),
    "file on tmpfs": start_standard("file", "file on tmpfs", "/dev/shm, not buffered"),
    "Arrow IPC on tmpfs": start_standard("ipc", "Arrow IPC on tmpfs", "/dev/shm, not compressed, mapped by the reader"),
    "Parquet on tmpfs": start_standard("parquet", "Parquet on tmpfs", "/dev/shm, not compressed"),
}


def start_all(stack):
    """(ours, peers by name); says what each is set to, and why one is missing."""
    ours = start_ours(stack)
    print(f"ours: {ours.settings}")
    peers = {}
    for name, start in PEERS.items():
        own = stack.enter_context(ExitStack())
        try:
            peers[name] = start(own)
            print(f"{name}: {peers[name].settings}")
        except (Failure, OSError, subprocess.CalledProcessError) as why:
            own.close()
            print(f"{name}: not measured: {why}")
    return ours, peers
