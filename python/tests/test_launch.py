# SPDX-License-Identifier: Apache-2.0
"""`python -m vineyard`, as launchers of 0.24 call it."""

import subprocess
import sys

import pytest

import vineyard
from vineyard._flags import translated
from vineyard.deploy.local import _listens

from conftest import wait_for


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        (["--socket", "/s", "--size", "1Gi"], ["--socket", "/s", "--size", "1Gi"]),
        (["-socket=/s", "-size", ""], ["--socket=/s", "--size", ""]),
        (["--deployment", "local", "--meta", "local", "--norpc"], []),
        (["--meta=local", "-rpc=false", "--compression", "-reserve_memory=true"], ["--reserve"]),
        (["--noreserve_memory", "--etcd_endpoint", "http://x", "--etcd-prefix=v"], ["--no-reserve"]),
        (["--spill_path", "", "--stream_threshold", "80", "--nometrics", "--prefault=none"], ["--prefault=none"]),
        (["-h"], ["-h"]),
        ([], []),
    ],
)
def test_flags_are_those_of_the_daemon(given, ours):
    assert translated(given) == (ours, [])


def test_tcp_is_noted_and_the_rest_served():
    ours, notes = translated(["--rpc", "--rpc_socket_port", "9600", "--socket=/s"])
    assert ours == ["--socket=/s"] and notes == ["--rpc: TCP is not there yet; programs of this host are served"]


@pytest.mark.parametrize(
    "given", [["--meta", "etcd"], ["-meta=redis"], ["--spill_path", "/d"], ["--deployment=distributed"], ["--htpasswd", "f"]]
)
def test_what_cannot_be_done_without_is_refused(given):
    with pytest.raises(vineyard.NotImplementedException, match="is not there yet in this release of vineyard: leave it out"):
        translated(given)
    done = subprocess.run([sys.executable, "-m", "vineyard", *given], capture_output=True, text=True)
    assert done.returncode == 2 and "not there yet" in done.stderr and "Traceback" not in done.stderr


def test_a_switch_is_true_or_false():
    with pytest.raises(ValueError, match="--rpc=maybe: true or false"):
        translated(["--rpc=maybe"])


@pytest.mark.parametrize("module", ["vineyard", "vineyard.deploy"])
def test_a_launcher_of_024_starts_the_daemon(module, tmp_path):
    socket = str(tmp_path / "v.sock")
    flags = ["-socket", socket, "--size=64Mi", "--meta", "local", "-rpc=false", "-reserve_memory=true", "-compression=false"]
    command = [sys.executable, "-m", module, *flags, "--state-dir", str(tmp_path / "state")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for("the daemon", lambda: _listens(socket))
            client = vineyard.connect(socket)
            assert client.get(client.put("text")) == "text"
            client.close()
        finally:
            process.terminate()
    assert process.returncode == 0


def test_a_flag_that_nobody_knows_is_refused_by_the_daemon():
    done = subprocess.run([sys.executable, "-m", "vineyard", "--bogus"], capture_output=True, text=True)
    assert done.returncode != 0 and "--bogus" in done.stderr
