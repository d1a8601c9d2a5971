# SPDX-License-Identifier: Apache-2.0
"""The rows of column B: the same work by ours and by each peer, rounds alternating; ratio = theirs / ours."""

import subprocess
import time

import first_contact
import workers
from harness import Failure, Side
from systems import OURS, START_S, WHEEL, WheelDaemon

from vineyard.deploy.local import Daemon

MIB = 1 << 20
NUMBERS = 64 * MIB
FRESH_S = 10
UNITS = {"ns": 1e9, "us": 1e6, "ms": 1e3}

# What a program of the reference does that has only just been written: somebody has to start its daemon first.
WHEEL_PRIVATE = """
import os, subprocess, sys, time
import vineyard
start = time.perf_counter()
daemon = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    while True:
        try:
            client = vineyard.connect(sys.argv[1])
            break
        except Exception:
            time.sleep(0.001)
    object_id = client.put(b"hello")
    client.get(object_id)
    seconds = time.perf_counter() - start
finally:
    daemon.terminate()
    daemon.wait()
print(seconds)
"""


class PeerRows:
    """Each row is a method; a peer that fails in one is left out there, with the reason."""

    def __init__(self, table, ours, peers, short):
        self.table = table
        self.ours = ours
        self.peers = peers
        self.short = short
        self.rounds = 5 if short else 9

    def compare(self, row, what, unit, measure, bars, prepare=None):
        """Alternates `measure(system)` of ours and of the peers in `bars` ({name: bar or None})."""
        self.compare_many(row, {what: (unit, bars)}, lambda system: [measure(system)], prepare)

    def compare_many(self, row, works, measure, prepare=None):
        """The same for several figures that one measurement gives, in the order of `works` ({what: (unit, bars)})."""
        names = dict.fromkeys(name for _, bars in works.values() for name in bars)
        systems = [self.ours, *(self.peers[name] for name in names if name in self.peers)]
        found = {system.name: [] for system in systems}

        def attempt(call, system):
            try:
                return call(system)
            except (Failure, RuntimeError, subprocess.SubprocessError) as why:
                if system is self.ours:
                    raise
                found.pop(system.name)
                print(f"{row:<5} {system.name}: not measured: {why}")

        for system in systems:
            if prepare:
                attempt(prepare, system)
        for _ in range(self.rounds):
            for system in systems:
                if system.name in found:
                    values = attempt(measure, system)
                    if values is not None:
                        found[system.name].append(values)
        for n, (what, (unit, bars)) in enumerate(works.items()):
            ours = [values[n] * UNITS[unit] for values in found["ours"]]
            for name, factor in bars.items():
                if name in found:
                    theirs = [values[n] * UNITS[unit] for values in found[name]]
                    self.add(row, f"{what} | {name}", unit, ours, theirs, factor)

    def add(self, row, what, unit, ours, theirs, factor):
        """Prints and keeps one comparison."""
        self.table.add_peer(row, what, unit, ours, theirs, factor)

    # ---- small values

    def small_gets(self, row, size, bars):
        """Gets of small values, each for the first time."""
        count = 2000 if self.short else 10_000

        def prepare(system):
            system.put.put_small(count, size)
            system.get.know(system.put.kept())

        self.compare(row, f"get {size} B, {count:,} objects", "us", lambda s: s.get.get_small(count), bars, prepare)
        for system in (self.ours, *self.peers.values()):
            system.put.forget()

    def small_puts(self, row, bars):
        """Puts of small values."""
        count = 2000 if self.short else 10_000

        def put(system):
            seconds = system.put.put_small(count)
            system.put.forget()
            return seconds

        self.compare(row, "put 1 KiB bytes", "us", put, bars)

    def P1(self):
        """Get 1 KiB."""
        self.small_gets("P1", 1024, {WHEEL: 300, "ray": 150, "file on tmpfs": 15, "SharedMemory": None})

    def P2(self):
        """Put 1 KiB."""
        self.small_puts("P2", {WHEEL: 100, "ray": 500, "file on tmpfs": 12, "SharedMemory": None})

    def R1(self):
        """Get 64 B."""
        self.small_gets("1", 64, {WHEEL: 900})

    def R4(self):
        """Put 1 KiB, by the bar of the C++ client."""
        self.small_puts("4", {WHEEL: 500})

    # ---- arrays

    def P3(self):
        """Put an array."""
        bars = {WHEEL: 1, "ray": 8, "SharedMemory": 8, "Arrow IPC on tmpfs": 4}

        def prepare(system):
            system.put.make_array(NUMBERS)
            system.put.put_value()

        self.compare("P3", "put float64 array of 64 MiB, warm", "ms", lambda s: s.put.put_value(), bars, prepare)
        if WHEEL in self.peers:
            self.fresh_pools()

    def fresh_pools(self):
        """The first large put into a new daemon, each 10 s old."""
        python, found = self.peers[WHEEL].python, ([], [], [])
        for _ in range(2 if self.short else 5):
            with (
                Daemon(size="2Gi", stderr=subprocess.DEVNULL) as ours,
                WheelDaemon(python, "2Gi", WheelDaemon.COLD) as cold,
                WheelDaemon(python, "2Gi") as reserved,
            ):
                time.sleep(FRESH_S)
                sockets = (ours.socket, cold.wait().socket, reserved.wait().socket)
                for seconds, socket, interpreter in zip(found, sockets, (None, python, python)):
                    with Side(OURS, **({"python": interpreter} if interpreter else {}), socket=socket) as put:
                        put.make_array(NUMBERS)
                        seconds.append(put.put_value() * 1e3)
        what = f"put it into a fresh pool, {FRESH_S} s after start | {WHEEL}"
        self.add("P3", what + ", by default", "ms", found[0], found[1], 6)
        self.add("P3", what + ", reserved", "ms", found[0], found[2], None)

    def P4(self):
        """View an array, and sum it."""
        view = {WHEEL: 250, "ray": 80, "SharedMemory": None, "Arrow IPC on tmpfs": None}
        works = {"get a 64 MiB array: the view": ("us", view), "sum it, the first time": ("ms", dict.fromkeys(view))}

        def prepare(system):
            system.put.make_array(NUMBERS)

        def measure(system):
            system.put.put_value()
            reference = (system.put.kept() or [None])[-1]
            first = system.get.sums(reference, NUMBERS)
            return system.get.view(reference, 20), first[0] if isinstance(first, list) else first

        self.compare_many("P4", works, measure, prepare)

    def R5(self):
        """Put 64 MiB, by the bar of the C++ client."""

        def prepare(system):
            system.put.make_array(NUMBERS)
            system.put.put_value()

        self.compare("5", "put 64 MiB, warm", "ms", lambda s: s.put.put_value(), {WHEEL: 1.35}, prepare)

    # ---- tables

    def P5(self):
        """Put and get a table."""
        put = {WHEEL: 3, "ray": 10, "Arrow IPC on tmpfs": 3, "Parquet on tmpfs": 20}
        get = {WHEEL: None, "ray": 20, "Arrow IPC on tmpfs": 10, "Parquet on tmpfs": None}
        works = {"put the flights table": ("ms", put), "get it": ("us", get), "get it, read it": ("ms", dict.fromkeys(get))}

        def prepare(system):
            # The reference puts timestamps with a zone, and cannot get them.
            system.put.make_table("pyarrow without zone" if system.name == WHEEL else "pyarrow")
            system.put.put_value()

        def measure(system):
            seconds = system.put.put_value()
            return [seconds, *system.get.open_table((system.put.kept() or [None])[-1])]

        self.compare_many("P5", works, measure, prepare)

    def P6(self):
        """Views of a table."""

        def prepare(system):
            system.put.make_table("one chunk")

        def measure(system):
            system.put.put_value()
            return system.get.view((system.put.kept() or [None])[-1], 50)

        bars = {"ray": 20, "Arrow IPC on tmpfs": 10}
        self.compare("P6", "get the flights table as pyarrow, one chunk", "us", measure, bars, prepare)

    def P7(self):
        """Data frames."""

        def prepare(system):
            system.put.make_table("pandas without zone" if system.name == WHEEL else "pandas")
            system.put.put_value()

        def measure(system):
            seconds = system.put.put_value()
            return seconds, system.get.view((system.put.kept() or [None])[-1], 10)

        works = {"put the flights table as pandas": ("ms", {WHEEL: 5, "ray": 5}), "get it": ("us", {WHEEL: 20, "ray": 20})}
        self.compare_many("P7", works, measure, prepare)

    def P8(self):
        """Memory of worker processes."""
        nbytes = 256 * MIB
        self.ours.put.make_array(nbytes)
        self.ours.put.put_value()
        (reference,) = self.ours.put.kept()
        *_, ours = workers.run(self.ours.socket, reference, nbytes, 1000, 1)
        self.ours.put.forget()
        what = f"{workers.COUNT} workers read {nbytes // MIB} MiB: memory of all | each holds its own"
        self.add("P8", what, "MiB", [m / MIB for m in ours], [workers.memory_of_own(nbytes) / MIB], 4)

    # ---- first contact, metadata

    def P9(self):
        """Import, connect, a daemon of one's own."""
        if WHEEL not in self.peers:
            return

        def measure(system):
            if system is self.ours:
                return first_contact.import_seconds(), first_contact.connect_seconds(system.socket), first_contact.private_seconds()
            python = system.python
            connect = first_contact.run(first_contact.CONNECT.format(first=""), system.socket, python=python)
            return first_contact.run(first_contact.IMPORT, python=python), connect, self.wheel_private(python)

        works = {"import vineyard": ("ms", {WHEEL: 30}), "connect": ("ms", {WHEEL: 30}),
                 "daemon started, connected, first put and get": ("ms", {WHEEL: 30})}  # fmt: skip
        self.compare_many("P9", works, measure)

    def wheel_private(self, python):
        """Seconds until the reference's own daemon serves the first put and get, without memory reserved."""
        with first_contact.nobody_serves() as environment:
            socket = environment["VINEYARD_IPC_SOCKET"]
            program = next(python.parent.parent.glob("lib/python*/site-packages/vineyard/bdist/vineyardd"))
            flags = ("-socket", socket, "-size", "1Gi", "-meta", "local", "-rpc=false")
            return first_contact.run(WHEEL_PRIVATE, socket, str(program), *flags, python=python)

    def R10(self):
        """Metadata objects."""
        count = 500 if self.short else 3000
        works = {"create metadata, 8 keys, 4 members": ("us", {WHEEL: 230}), "get it": ("us", {WHEEL: 450})}
        self.compare_many("10", works, lambda s: s.put.metadata(count))

    def P10(self):
        """Lists with metadata."""
        count = 2000 if self.short else 10_000
        what = f"list {count:,} objects with their metadata"
        self.compare("P10", what, "ms", lambda s: s.get.list_all(count), {WHEEL: 50}, lambda s: s.put.fill(count))
        for system in (self.ours, *self.peers.values()):
            system.put.forget()

    def R11(self):
        """Lists."""
        count = 10_000 if self.short else 100_000

        def prepare(system):
            system.put.fill(count)

        what = f"list by type, no match, {count:,} objects"
        self.compare("11", what, "us", lambda s: s.get.list_nothing(5), {WHEEL: 1000}, prepare)
        for system in (self.ours, *self.peers.values()):
            system.put.forget()


ROWS = {"P1": PeerRows.P1, "P2": PeerRows.P2, "P3": PeerRows.P3, "P4": PeerRows.P4, "P5": PeerRows.P5, "P6": PeerRows.P6,
        "P7": PeerRows.P7, "P8": PeerRows.P8, "P9": PeerRows.P9, "P10": PeerRows.P10,
        "1": PeerRows.R1, "4": PeerRows.R4, "5": PeerRows.R5, "10": PeerRows.R10, "11": PeerRows.R11}  # fmt: skip
