#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Python users see, against limits of the same run: rows P1 to P10.

Usage: rows.py [--short] [--row P1] [--json FILE]
"""

import argparse
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import first_contact
import workers
from harness import Failure, Side, Table, alternate, machine

from vineyard.deploy.local import Daemon as LoudDaemon

OURS = Path(__file__).resolve().parent / "ours.py"
MIB = 1 << 20
FRESH_S = 10  # a daemon's time to warm its memory


def Daemon(**settings):  # noqa: N802 - a daemon that says nothing
    return LoudDaemon(stderr=subprocess.DEVNULL, **settings)


class Rows:
    """Each row is a method; `scale` says how much of it is measured."""

    def __init__(self, table, short):
        self.table = table
        self.short = short
        self.rounds = 5 if short else 9

    def sides(self, stack, size, *arguments, readers=1):
        """A daemon, a process that puts, and processes that get."""
        daemon = stack.enter_context(Daemon(size=size, arguments=arguments))
        return [stack.enter_context(Side(OURS, socket=daemon.socket)) for _ in range(1 + readers)]

    def add(self, row, what, unit, ours, limit, bar, anchor=(), note=""):
        """Seconds as the unit says: ns, us, ms."""
        scale = {"ns": 1e9, "us": 1e6, "ms": 1e3}[unit]
        ours, limit = [s * scale for s in ours], [s * scale for s in limit]
        self.table.add(row, what, unit, ours, limit, bar, anchor, note)

    def add_rate(self, row, what, nbytes, ours, limit, factor, note=""):
        """Seconds for so many bytes, as GB/s."""
        rate = [[nbytes / s / 1e9 for s in seconds] for seconds in (ours, limit)]
        self.table.add(row, what, "GB/s", *rate, (">=", factor), note=note)

    def P1(self):
        """Gets of small values."""
        count = 100_000 if self.short else 1_000_000
        with ExitStack() as stack:
            put, get = self.sides(stack, "4Gi", "--prefault", "none")
            put.put_small(count)
            get.know(put.kept())
            get.get_small()
            ours, used, call = alternate(self.rounds, get.get_small, get.read_small, get.call)
        what = f"get 1 KiB bytes as a buffer, {count:,} objects, random"
        self.add("P1", what, "ns", ours, call, ("<=", 10), note="limit: empty call")
        self.add("P1", "the same, and copy its bytes out", "ns", used, call, None, note="limit: empty call")

    def P2(self):
        """Puts of small values."""
        with ExitStack() as stack:
            (put,) = self.sides(stack, "1Gi", readers=0)
            ours, call = alternate(self.rounds, lambda: put.put_small_warm(20_000), put.call)
        self.add("P2", "put 1 KiB bytes", "ns", ours, call, ("<=", 20), note="limit: empty call")

    def P3(self):
        """Puts of large arrays."""
        nbytes = 64 * MIB
        with ExitStack() as stack:
            (put,) = self.sides(stack, "1Gi", readers=0)
            put.make_array(nbytes)
            put.put_value()
            ours, copy = alternate(self.rounds, lambda: min(put.put_value() for _ in range(3)), lambda: put.copy(nbytes))
        self.add_rate("P3", "put float64 array of 64 MiB, warm", nbytes, ours, copy, 0.9, note="limit: np.copyto")

        def fresh():
            with Daemon(size="2Gi") as daemon:
                time.sleep(FRESH_S)
                with Side(OURS, socket=daemon.socket) as put:
                    put.make_array(nbytes)
                    copy = put.copy(nbytes)
                    return put.put_value(), copy

        rounds = [fresh() for _ in range(3 if self.short else 5)]
        what = f"put it into a fresh pool of 2 GiB, {FRESH_S} s after start"
        self.add_rate("P3", what, nbytes, *zip(*rounds), 0.5, note="limit: np.copyto")

    def P4(self):
        """Views of large arrays, and their use."""
        nbytes = 64 * MIB
        with ExitStack() as stack:
            daemon = stack.enter_context(Daemon(size="1Gi"))
            put = stack.enter_context(Side(OURS, socket=daemon.socket))
            put.make_array(nbytes)
            put.put_value()
            (array,) = put.kept()
            get = stack.enter_context(Side(OURS, socket=daemon.socket))
            views, call = alternate(self.rounds, lambda: get.view(array), get.call)

            def sums():
                with Side(OURS, socket=daemon.socket) as fresh:
                    return fresh.sums(array, nbytes)

            first, second, own = zip(*(sums() for _ in range(self.rounds)))
        limit = [3e-6] * len(views)
        self.add("P4", "get it: the view", "us", views, limit, ("<=", 1), call, note="limit: 3 us")
        self.add_rate("P4", "sum it the first time, in a fresh process", nbytes, first, own, 0.4, note="limit: private array")
        self.add_rate("P4", "sum it the second time", nbytes, second, own, 0.95, note="limit: private array")

    def P5(self):
        """Tables."""
        with ExitStack() as stack:
            (put,) = self.sides(stack, "1Gi", readers=0)
            nbytes = put.make_table()
            put.put_value()
            ours, copy = alternate(self.rounds, lambda: min(put.put_value() for _ in range(3)), lambda: put.copy(nbytes))
        what = f"put the flights table (pyarrow, {nbytes / MIB:.1f} MiB), warm"
        self.add_rate("P5", what, nbytes, ours, copy, 0.8, note="limit: np.copyto of its bytes")

    def P6(self):
        """Tables, got: as pyarrow, and as polars, which takes the Arrow arrays in."""
        for kind, library in (("one chunk", "pyarrow"), ("polars", "polars")):
            with ExitStack() as stack:
                put, get = self.sides(stack, "1Gi")
                put.make_table(kind)
                put.put_value()
                (reference,) = put.kept()
                opened, built, call = alternate(self.rounds, lambda: get.view(reference), lambda: get.build(reference), get.call)
            limit = [29e-6 + (seconds if library == "polars" else 0) for seconds in built]
            note = "limit: 10 us + 1 us a column" + (" + polars.from_arrow" if library == "polars" else "")
            what = f"get the flights table as {library}, 19 columns of one chunk"
            self.add("P6", what, "us", opened, limit, ("<=", 1), call, note=note)

    def P7(self):
        """Data frames."""
        with ExitStack() as stack:
            put, get = self.sides(stack, "1Gi")
            nbytes = put.make_table("pandas")
            put.put_value()
            ours, copy = alternate(self.rounds, lambda: min(put.put_value() for _ in range(3)), lambda: put.copy(nbytes))
            (reference,) = put.kept()
            opened, built = alternate(self.rounds, lambda: get.view(reference), lambda: get.build(reference))
        self.add_rate("P7", "put it as pandas, warm", nbytes, ours, copy, 0.5, note="limit: np.copyto of its bytes in Arrow")
        what = "get it as pandas"
        self.add("P7", what, "us", opened, built, ("<=", 1.3), note="limit: pandas.DataFrame of its ready columns")

    def P8(self):
        """Worker processes that read one data set. PyTorch is not needed: numpy's rows are the samples."""
        nbytes, samples = (256 if self.short else 2048) * MIB, 20_000
        with ExitStack() as stack:
            daemon = stack.enter_context(Daemon(size=f"{nbytes // MIB + 512}Mi"))
            put = stack.enter_context(Side(OURS, socket=daemon.socket))
            put.make_array(nbytes)
            put.put_value()
            (array,) = put.kept()
            measured = workers.run(daemon.socket, array, nbytes, samples, 3 if self.short else 5)
        ours, own, memory = measured
        self.table.add("P8", f"{workers.COUNT} workers read one data set of {nbytes // MIB} MiB: memory of all", "MiB",
                       [m / MIB for m in memory], [nbytes / MIB], ("<=", 1.05), note="limit: the data set")  # fmt: skip
        rates = [[workers.COUNT * samples / s / 1e3 for s in seconds] for seconds in (ours, own)]
        self.table.add("P8", "they read samples of 4 KiB at random", "k/s", *rates, (">=", 0.95),
                       note="limit: rows of an array that they inherited")  # fmt: skip

    def P10(self):
        """Lists."""
        count = 10_000
        with ExitStack() as stack:
            put, get = self.sides(stack, "1Gi")
            put.fill(count)
            get.list_all(count)
            ours, trip = alternate(self.rounds, lambda: get.list_all(count), lambda: get.list_nothing(20))
        limit = [count * 1e-6 + seconds for seconds in trip]
        self.add("P10", f"list {count:,} objects with their metadata", "ms", ours, limit, ("<=", 1),
                 note="limit: 1 us an object + a list that finds nothing")  # fmt: skip

    def P9(self):
        """First contact."""
        with ExitStack() as stack:
            daemon = stack.enter_context(Daemon(size="1Gi"))
            get = stack.enter_context(Side(OURS, socket=daemon.socket))
            rounds = 2 * self.rounds
            imports, plain, threads, private, call = alternate(
                rounds, first_contact.import_seconds, lambda: first_contact.connect_seconds(daemon.socket),
                lambda: first_contact.connect_seconds(daemon.socket, first_contact.NUMPY),
                first_contact.private_seconds, get.call)  # fmt: skip

        def add(what, unit, ours, limit, text):
            self.add("P9", what, unit, ours, [limit] * len(ours), ("<=", 1), call, note=f"limit: {text}")

        add("import vineyard", "ms", imports, 20e-3, "20 ms")
        add("connect", "us", plain, 300e-6, "300 us")
        add("connect in a process with threads (numpy in use)", "us", threads, 300e-6, "300 us")
        add("private daemon started, connected, first put and get", "ms", private, 100e-3, "100 ms")


ROWS = {"P1": Rows.P1, "P2": Rows.P2, "P3": Rows.P3, "P4": Rows.P4, "P5": Rows.P5, "P6": Rows.P6, "P7": Rows.P7, "P8": Rows.P8, "P9": Rows.P9,
        "P10": Rows.P10}  # fmt: skip


def main():
    """Measures, prints, writes; 1 when a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="fewer objects and rounds: minutes become one or two")
    parser.add_argument("--row", choices=ROWS, help="only this one")
    parser.add_argument("--json", metavar="FILE", help="also writes one JSON object a line")
    options = parser.parse_args()
    print(machine())
    table = Table()
    table.head()
    rows = Rows(table, options.short)
    for name in [options.row] if options.row else ROWS:
        ROWS[name](rows)
    if options.json:
        table.write(options.json)
    print(f"{table.missed()} missed")
    return 1 if table.missed() else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # by way of every `with`, so nothing is left running
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"rows.py: {failure}")
