# SPDX-License-Identifier: Apache-2.0
"""Daemons on this host."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time

from ..client import _daemon_program
from ..errors import not_yet

_START_S = 30


def find_vineyardd(path=None):
    """The program `vineyardd`: `path`, $VINEYARD_DAEMON, that of this installation, or the one in $PATH."""
    found = path or os.environ.get("VINEYARD_DAEMON") or _daemon_program() or shutil.which("vineyardd")
    if not found:
        raise RuntimeError("vineyardd is not installed: set VINEYARD_DAEMON, or install the package again")
    return found


def _listens(path):
    """Whether somebody takes connections there: the file alone appears a moment earlier."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


class Daemon:
    """A `vineyardd` that this process started, and its folder. `with` ends it."""

    def __init__(self, socket=None, size="", vineyardd_path=None, arguments=(), stderr=None):
        self._folder = tempfile.mkdtemp(prefix="vineyard-")
        self.socket = os.fspath(socket) if socket else os.path.join(self._folder, "vineyard.sock")
        command = [find_vineyardd(vineyardd_path), "--socket", self.socket, "--state-dir", os.path.join(self._folder, "state")]
        if size:
            command += ["--size", str(size)]
        self.process = subprocess.Popen([*command, *arguments], stdin=subprocess.DEVNULL, stderr=stderr)
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self):
        deadline = time.monotonic() + _START_S
        while not _listens(self.socket):
            if self.process.poll() is not None:
                raise RuntimeError(f"vineyardd ended at once with status {self.process.returncode}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"vineyardd does not serve {self.socket} after {_START_S} s")
            time.sleep(0.001)

    def stop(self):
        """Ends the daemon, and takes its folder away."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_START_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def start_private():
    """A daemon for this process and its children; the caller stops it."""
    import atexit

    daemon = Daemon()
    atexit.register(daemon.stop)
    return daemon


class start_vineyardd:  # noqa: N801 - a name that programs use
    """A context manager: a daemon with local metadata, as `(Popen, socket, None)`. RuntimeError if it dies."""

    def __init__(self, meta="local", etcd_endpoints=None, etcd_prefix=None, vineyardd_path=None, size="", socket=None,
                 rpc=True, rpc_socket_port=9600, debug=False):  # fmt: skip
        if etcd_endpoints is not None or etcd_prefix is not None:
            raise not_yet("metadata in etcd")
        self._arguments = {"socket": socket, "size": size, "vineyardd_path": vineyardd_path}
        self._daemon = None

    def __enter__(self):
        self._daemon = Daemon(**self._arguments)
        return self._daemon.process, self._daemon.socket, None

    def __exit__(self, *_):
        self._daemon.stop()
