#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command `vineyard` against a real daemon.

Usage: cli_test.py --daemon VINEYARDD --command VINEYARD [--share-tensor EXAMPLE] [unittest arguments]

EXAMPLE is the program of examples/02_share_tensor, which puts an object that has a payload.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from daemon import Daemon, is_running, wait_for

PROGRAMS = argparse.Namespace(daemon="", command="", share_tensor="")
DEADLINE = 120


def vineyard(*arguments, stdin=b"", environment=None):
    """Runs the command; gives its exit status, output and error output."""
    done = subprocess.run(
        [PROGRAMS.command, *map(str, arguments)],
        input=stdin, capture_output=True, timeout=DEADLINE, env=environment, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr.decode()


class WithDaemon(unittest.TestCase):
    """Each test has a daemon and a folder of its own."""

    def setUp(self):
        self.daemon = self.enterContext(Daemon(PROGRAMS.daemon))
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="vineyard-cli-")))

    def run_command(self, *arguments, status=0, stdin=b""):
        code, out, err = vineyard("--socket", self.daemon.socket, *arguments, stdin=stdin)
        self.assertEqual(code, status, f"{arguments}: {out!r} {err}")
        if status == 2:
            self.assertEqual(out, b"")
            self.assertEqual(err.count("\n"), 1, err)
        return out if status != 2 else err

    def text(self, *arguments, **keywords):
        out = self.run_command(*arguments, **keywords)
        return out if isinstance(out, str) else out.decode()

    def json(self, *arguments, **keywords):
        return json.loads(self.run_command(*arguments, "--json", **keywords))

    def put(self, content, *arguments):
        return self.text("put", "-", *arguments, stdin=content).strip()


class PutAndGet(WithDaemon):
    def test_a_file_comes_back_byte_for_byte(self):
        content = os.urandom(3_000_001)
        (self.folder / "in").write_bytes(content)
        blob = self.text("put", self.folder / "in").strip()
        self.assertRegex(blob, r"^o[0-9a-f]{16}$")
        self.assertEqual(self.run_command("get", blob), content)
        self.run_command("get", blob, "-o", self.folder / "out")
        self.assertEqual((self.folder / "out").read_bytes(), content)

    def test_the_standard_input_is_put_whatever_its_size(self):
        for size in (0, 1, 2**20 - 1, 2**20, 2**20 + 1, 5_000_000):
            content = os.urandom(size)
            answer = self.json("put", stdin=content)
            self.assertEqual(answer["nbytes"], size)
            self.assertEqual(self.run_command("get", answer["id"]), content, size)

    def test_a_redirected_file_is_put_from_where_it_stands(self):
        (self.folder / "in").write_bytes(b"skipped" + b"rest")
        with (self.folder / "in").open("rb") as file:
            os.lseek(file.fileno(), 7, os.SEEK_SET)
            blob = subprocess.run(
                [PROGRAMS.command, "put", "--socket", self.daemon.socket],
                stdin=file, stdout=subprocess.PIPE, check=True, timeout=DEADLINE,
            ).stdout.decode().strip()  # fmt: skip
        self.assertEqual(self.run_command("get", blob), b"rest")

    def test_a_name_finds_it(self):
        answer = self.json("put", "--name", "a name: ünïcode", stdin=b"named")
        self.assertEqual(answer["name"], "a name: ünïcode")
        self.assertEqual(self.run_command("get", "a name: ünïcode"), b"named")
        self.put(b"another", "--name", "a name: ünïcode")
        self.assertEqual(self.run_command("get", "a name: ünïcode"), b"another")

    def test_metadata_of_a_blob_is_json(self):
        blob = self.put(b"12345")
        self.assertEqual(self.json("get", blob), {"id": blob, "typename": "vineyard::Blob", "nbytes": 5})

    def test_a_get_can_wait_for_a_name(self):
        with subprocess.Popen(
            [PROGRAMS.command, "get", "later", "--wait", "60", "--socket", self.daemon.socket],
            stdout=subprocess.PIPE,
        ) as waiting:  # fmt: skip
            try:
                wait_for("the waiting client", lambda: self.json("status")["client_count"] >= 2)
                self.put(b"here", "--name", "later")
                self.assertEqual(waiting.communicate(timeout=DEADLINE)[0], b"here")
            finally:
                waiting.kill()

    def test_a_terminal_gets_text_and_no_bytes(self):
        text, binary = self.put(b"plain text\n"), self.put(b"\x1b[2J\x00")

        def on_terminal(blob):
            master, slave = pty.openpty()
            try:
                done = subprocess.run(
                    [PROGRAMS.command, "get", blob, "--socket", self.daemon.socket],
                    stdout=slave, stderr=subprocess.PIPE, timeout=DEADLINE, check=False,
                )  # fmt: skip
                os.set_blocking(master, False)
                try:
                    shown = os.read(master, 4096)
                except BlockingIOError:
                    shown = b""
                return done.returncode, shown, done.stderr.decode()
            finally:
                os.close(master)
                os.close(slave)

        self.assertEqual(on_terminal(text)[:2], (0, b"plain text\r\n"))
        code, shown, error = on_terminal(binary)
        self.assertEqual((code, shown), (2, b""))
        self.assertIn("-o FILE", error)

    def test_what_is_missing_is_said_in_one_line(self):
        self.assertIn("no object has the name 'nothing'", self.text("get", "nothing", status=2))
        self.assertIn("o0000000000000bad", self.text("get", "o0000000000000bad", status=2))
        self.assertIn("No such file", self.text("put", self.folder / "missing", status=2))
        self.assertIn("is a folder", self.text("put", self.folder, status=2))

    def test_a_pool_that_is_too_small_is_an_error_that_says_so(self):
        with (self.folder / "big").open("wb") as big:
            big.truncate(2**30)
        self.assertIn("vineyard: ", self.text("put", self.folder / "big", status=2))
        self.assertEqual(self.run_command("get", self.put(b"still works")), b"still works")


class List(WithDaemon):
    def test_objects_are_listed_with_their_names(self):
        blob = self.put(b"12345", "--name", "five")
        self.put(b"", "--name", "none")
        (line,) = [entry for entry in self.json("ls") if entry["id"] == blob]
        self.assertEqual(line["typename"], "vineyard::Blob")
        self.assertEqual(line["nbytes"], 5)
        self.assertEqual(line["names"], ["five"])
        self.assertRegex(self.text("ls"), rf"(?m)^{blob}  vineyard::Blob +5  five$")
        self.assertRegex(self.text("ls", "-l"), rf"(?m)^{blob}  vineyard::Blob +5 +0 +0  \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d  five$")

    def test_a_pattern_chooses_types(self):
        self.put(b"x")
        self.assertEqual(len(self.json("ls", "vineyard::*")), 1)
        self.assertEqual(len(self.json("ls", "vineyard::Blo?")), 1)
        self.assertEqual(self.json("ls", "vineyard::Tensor*"), [])
        self.assertEqual(len(self.json("ls", "--regex", "vine.*::(Blob|Tensor)")), 1)
        self.assertIn("vineyard: ", self.text("ls", "--regex", "(", status=2))

    def test_names_are_listed_by_pattern(self):
        for name in ("a/1", "a/2", "b/1"):
            self.put(name.encode(), "--name", name)
        names = [entry["names"][0] for entry in self.json("ls", "--names", "a/*")]
        self.assertEqual(names, ["a/1", "a/2"])
        self.assertEqual(len(self.json("ls", "--names")), 3)
        self.assertEqual(len(self.json("ls", "--names", "--limit", "2")), 2)

    def test_more_than_one_page_is_listed(self):
        for n in range(30):
            self.put(str(n).encode())
        self.assertEqual(len(self.json("ls", "--limit", "7")), 7)
        self.assertEqual(len(self.json("ls")), 30)


class Remove(WithDaemon):
    def test_what_was_deleted_and_what_was_absent_is_said(self):
        blob = self.put(b"x")
        self.assertEqual(self.text("rm", blob), f"{blob}: deleted\n")
        self.assertEqual(self.text("rm", blob, status=1), f"{blob}: not there\n")
        self.assertEqual(self.text("rm", "nobody", status=1), "nobody: no such name\n")
        self.text("get", blob, status=2)

    def test_a_name_goes_with_its_object(self):
        blob = self.put(b"x", "--name", "n")
        self.assertEqual(self.text("rm", "n"), f"n ({blob}): deleted with its name\n")
        self.assertEqual(self.json("ls", "--names"), [])

    def test_many_are_removed_at_once_and_each_is_reported(self):
        blobs = [self.put(str(n).encode()) for n in range(5)]
        answer = self.json("rm", *blobs, "o0000000000000bad", status=1)
        self.assertEqual(answer["deleted"], 5)
        outcomes = {t["target"]: t["outcome"] for t in answer["targets"]}
        self.assertEqual(outcomes, dict.fromkeys(blobs, "deleted") | {"o0000000000000bad": "absent"})


class Members(WithDaemon):
    """An object that consists of another one: a tensor and its payload blob."""

    def setUp(self):
        super().setUp()
        if not PROGRAMS.share_tensor:
            self.skipTest("without --share-tensor there is no object with a payload")
        subprocess.run([PROGRAMS.share_tensor, "put", self.daemon.socket], check=True, timeout=DEADLINE)
        entries = {entry["typename"]: entry["id"] for entry in self.json("ls")}
        self.tensor, self.blob = entries["vineyard::Tensor<double>"], entries["vineyard::Blob"]

    def test_metadata_is_a_tree(self):
        tree = self.json("get", "matrix")
        self.assertEqual((tree["id"], tree["typename"]), (self.tensor, "vineyard::Tensor<double>"))
        self.assertEqual(tree["buffer_"]["id"], self.blob)
        self.assertEqual(json.loads(tree["shape_"]), [3, 4])
        self.assertEqual(json.loads(self.text("get", "matrix")), tree)
        self.assertEqual(len(self.run_command("get", self.blob)), 96)

    def test_a_member_is_kept_and_its_holder_is_named(self):
        self.assertIn(f"it is a member of {self.tensor};", self.text("rm", self.blob, status=1))
        (target,) = self.json("rm", self.blob, status=1)["targets"]
        self.assertEqual((target["outcome"], target["member_of"]), ("kept", self.tensor))

    def test_both_go_together_in_any_order(self):
        self.text("rm", self.blob, self.tensor)
        self.assertEqual(self.json("ls"), [])

    def test_force_takes_the_holder_too(self):
        self.assertEqual(self.json("rm", "--force", self.blob)["deleted"], 2)
        self.assertEqual(self.json("ls"), [])

    def test_an_object_takes_its_payload_along(self):
        self.assertIn("2 objects in all", self.text("rm", "matrix"))
        self.assertEqual(self.json("ls"), [])
        self.assertEqual(self.json("ls", "--names"), [])


class Look(WithDaemon):
    def test_status_names_processes_and_counts(self):
        self.put(b"x", "--name", "x")
        wait_for("the standby", lambda: self.json("status")["pids"]["standby"])
        raw = self.run_command("status", "--json")
        pids = self.daemon.note_pids(raw)
        self.assertEqual(pids["supervisor"], self.daemon.process.pid)
        for pid in pids.values():
            self.assertTrue(is_running(pid))
        self.assertEqual(json.loads(raw)["objects"]["names"], 1)
        text = self.text("status")
        self.assertIn(f"supervisor {pids['supervisor']}, standby {pids['standby']}, worker {pids['worker']}\n", text)
        self.assertIn(self.daemon.socket, text)
        self.assertLess(len(text.splitlines()), 40)

    def test_everything_goes_on_after_the_worker_was_killed(self):
        blob = self.put(b"before", "--name", "kept")
        worker = self.daemon.note_pids(self.run_command("status", "--json"))["worker"]
        os.kill(worker, signal.SIGKILL)
        self.assertEqual(self.run_command("get", "kept"), b"before")
        pids = self.daemon.note_pids(self.run_command("status", "--json"))
        self.assertNotEqual(pids["worker"], worker)
        self.assertEqual(self.json("ls")[0]["id"], blob)
        self.assertEqual(self.json("fsck")["findings"], 0)

    def test_fsck_is_clean(self):
        self.put(b"x")
        self.assertRegex(self.text("fsck"), r"^clean: 1 object ")
        self.assertEqual(self.json("fsck")["findings"], 0)

    def test_doctor_finds_machine_and_daemon_well_and_leaves_nothing(self):
        answer = self.json("doctor")
        self.assertEqual(answer["missing"], 0)
        states = {check["what"]: check["state"] for check in answer["checks"]}
        for what in ("daemon", "versions", "socket rights", "put and get"):
            self.assertEqual(states[what], "ok", answer)
        self.assertEqual(self.json("ls"), [])
        self.assertIn("put and get", self.text("doctor"))


class WithoutDaemon(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="vineyard-cli-")))
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.folder)}
        self.environment.pop("VINEYARD_IPC_SOCKET", None)

    def test_every_command_says_where_it_looked_and_what_to_do(self):
        where = self.folder / "nobody.sock"
        for command in (["status"], ["ls"], ["get", "x"], ["put"], ["rm", "x"], ["fsck"]):
            code, out, err = vineyard("--socket", where, *command, environment=self.environment)
            self.assertEqual((code, out), (2, b""), command)
            self.assertRegex(err, r"^vineyard: [^\n]+\n$")
            self.assertIn(str(where), err)

    def test_errors_are_json_when_json_was_asked_for(self):
        code, out, err = vineyard("status", "--json", "--socket", self.folder / "no", environment=self.environment)
        self.assertEqual((code, out), (2, b""))
        self.assertEqual(json.loads(err)["error"]["code"], "unavailable")

    def test_doctor_works_and_names_what_is_missing(self):
        code, out, err = vineyard("doctor", "--json", "--socket", self.folder / "no", environment=self.environment)
        self.assertEqual((code, err), (1, ""))
        checks = {check["what"]: check for check in json.loads(out)["checks"]}
        self.assertEqual(checks["daemon"]["state"], "missing")
        self.assertIn("vineyardd", checks["daemon"]["advice"])
        self.assertEqual(checks["memfd and seals"]["state"], "ok")

    def test_a_wrong_command_line_is_one_line_with_status_2(self):
        wrong = {
            (): "a command is missing", ("dance",): "'dance'", ("--json", "dance", "x"): "'dance'", ("get",): "object",
            ("ls", "--limit", "none"): "none", ("ls", "--limit", "0"): "--limit", ("put", "--name", ""): "--name",
        }  # fmt: skip
        for arguments, named in wrong.items():
            code, out, err = vineyard(*arguments)
            self.assertEqual((code, out), (2, b""), arguments)
            self.assertEqual(err.count("\n"), 1, err)
            self.assertIn(named, err)

    def test_help_and_version_need_no_daemon(self):
        code, out, _ = vineyard("--help")
        self.assertEqual(code, 0)
        for command in (b"status", b"ls", b"get", b"put", b"rm", b"doctor", b"fsck"):
            self.assertIn(command, out)
        self.assertEqual(vineyard("get", "--help")[0], 0)
        self.assertRegex(vineyard("--version")[1], rb"^vineyard \d+\.\d+\.\d+\n$")

    def test_an_answer_that_cannot_be_written_is_a_failure(self):
        daemon = self.enterContext(Daemon(PROGRAMS.daemon))
        socket = ["--socket", daemon.socket]
        for arguments in (["status", *socket], ["ls", "--json", *socket], ["doctor", *socket], ["--help"], ["--version"]):
            closed = ["sh", "-c", 'exec "$@" >&-', "sh", PROGRAMS.command, *arguments]
            done = subprocess.run(closed, stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE, check=False)
            self.assertEqual(done.returncode, 2, arguments)
        # Nor did it go into the connection, which would have had the number of the output.
        self.assertEqual(vineyard("fsck", *socket)[0], 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--daemon", required=True)
    parser.add_argument("--command", required=True)
    parser.add_argument("--share-tensor", default="")
    options, rest = parser.parse_known_args()
    PROGRAMS = options
    unittest.main(argv=[sys.argv[0], *rest])
