# SPDX-License-Identifier: Apache-2.0
"""One process that hands data over with what Python and the kernel have: shared memory, files on tmpfs, Arrow IPC files.

References are names. Everything stands in /dev/shm and goes with `forget` or at the end.
"""

import itertools
import os
import random
from multiprocessing import resource_tracker, shared_memory

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import timing


class SharedMemory:
    """`multiprocessing.shared_memory`."""

    def __init__(self, folder):
        self._open = {}

    def put(self, value):
        if isinstance(value, np.ndarray):
            memory = shared_memory.SharedMemory(create=True, size=value.nbytes)
            np.copyto(np.frombuffer(memory.buf, value.dtype), value)
        else:
            memory = shared_memory.SharedMemory(create=True, size=len(value))
            memory.buf[:] = value
        self._open[memory.name] = memory
        return memory.name

    def get(self, name):
        memory = shared_memory.SharedMemory(name)
        # Before Python 3.13 whoever attaches also deletes the memory at its end (python/cpython#82300): not here.
        resource_tracker.unregister(memory._name, "shared_memory")
        return memory

    def array(self, memory):
        return np.frombuffer(memory.buf, np.float64)

    def forget(self, name):
        memory = self._open.pop(name)
        memory.close()
        memory.unlink()


class File:
    """Plain files on tmpfs."""

    def __init__(self, folder):
        self._names = (f"{folder}/{n}" for n in itertools.count())

    def put(self, value):
        name = next(self._names)
        with open(name, "wb", 0) as file:
            file.write(value)
        return name

    def get(self, name):
        with open(name, "rb", 0) as file:
            return file.read()

    def forget(self, name):
        os.unlink(name)


class Ipc(File):
    """Arrow IPC files on tmpfs, mapped by who reads."""

    def put(self, value):
        name = next(self._names)
        table = pa.table([pa.array(value)], ["a"]) if isinstance(value, np.ndarray) else value
        with pa.OSFile(name, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        return name

    def get(self, name):
        return pa.ipc.open_file(pa.memory_map(name)).read_all()

    def array(self, table):
        return table.column(0).chunk(0).to_numpy()


class Parquet(File):
    """Parquet files on tmpfs, not compressed."""

    def put(self, value):
        name = next(self._names)
        pyarrow.parquet.write_table(value, name, compression="none")
        return name

    def get(self, name):
        return pyarrow.parquet.read_table(name)


KINDS = {"shared_memory": SharedMemory, "file": File, "ipc": Ipc, "parquet": Parquet}


class Side:
    """The methods of ours.Side, as far as they make sense here."""

    def __init__(self, kind, folder):
        self._way = KINDS[kind](folder)
        self._kept = []

    def put_small(self, count, size=1024):
        value, put = random.randbytes(size), self._way.put
        self._kept = names = []
        return timing.per_call(lambda _: names.append(put(value)), range(count))

    def kept(self):
        return self._kept

    def forget(self):
        for name in self._kept:
            self._way.forget(name)
        self._kept = []

    def know(self, references):
        self._names = references
        random.Random(3).shuffle(self._names)

    def get_small(self, count=None):
        return timing.per_call(self._way.get, self._names[:count])

    def make_array(self, nbytes):
        self._value = timing.random_array(nbytes)
        return self._value.nbytes

    def make_table(self, kind="pyarrow"):
        self._value, nbytes = timing.flights_as(kind)
        return nbytes

    def put_value(self):
        self.forget()
        seconds, name = timing.once(self._way.put, self._value)
        self._kept = [name]
        return seconds

    def view(self, reference, count=20):
        return timing.per_call(self._way.get, [reference] * count)

    def sums(self, reference, nbytes):
        held = self._way.get(reference)
        return timing.once(lambda: self._way.array(held).sum())[0]

    def open_table(self, reference):
        opened, table = timing.once(self._way.get, reference)
        return opened, opened + timing.once(timing.sum_of_table, table)[0]

    def close(self):
        self.forget()
