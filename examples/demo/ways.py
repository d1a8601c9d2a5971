# SPDX-License-Identifier: Apache-2.0
"""Five ways of handing a table from one process to others: how it is put, and how it is opened.

`put` runs in the producer and returns (where, bytes written, what `forget` takes away again). `open` runs in a consumer
and returns a pyarrow.Table, so that all consumers compute from the same thing.
"""

import os
import pickle
import tempfile
from multiprocessing import resource_tracker, shared_memory

import pyarrow as pa
import pyarrow.parquet

import vineyard

NAME = "the table"
KEPT = []  # what must live as long as the process


# ---- vineyard


def put_vineyard(table, folder, socket):
    client = vineyard.connect(socket)
    object_id = client.put(table, name=NAME)
    return socket, client.get_meta(object_id).memory_usage, (client, object_id)


def open_vineyard(socket):
    return vineyard.connect(socket).get(name=NAME)


def forget_vineyard(kept):
    client, object_id = kept
    client.delete(object_id)


# ---- Parquet files


def put_parquet(table, folder, socket):
    path = f"{folder}/table.parquet"
    pyarrow.parquet.write_table(table, path)
    return path, os.path.getsize(path), path


def open_parquet(path):
    return pyarrow.parquet.read_table(path)


# ---- Arrow IPC on tmpfs


def put_ipc(table, folder, socket):
    with tempfile.NamedTemporaryFile(prefix="vineyard-demo-", suffix=".arrow", dir="/dev/shm", delete=False) as file:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    return file.name, os.path.getsize(file.name), file.name


def open_ipc(path):
    return pa.ipc.open_file(pa.memory_map(path)).read_all()


# ---- multiprocessing.shared_memory


def put_shared_memory(table, folder, socket):
    size = pa.MockOutputStream()
    with pa.ipc.new_stream(size, table.schema) as writer:
        writer.write_table(table)
    memory = shared_memory.SharedMemory(create=True, size=size.size())
    with pa.ipc.new_stream(pa.FixedSizeBufferWriter(pa.py_buffer(memory.buf)), table.schema) as writer:
        writer.write_table(table)
    return memory.name, size.size(), memory


def open_shared_memory(name):
    memory = shared_memory.SharedMemory(name)
    # Before Python 3.13 whoever attaches also deletes the memory at its end (python/cpython#82300): not here.
    resource_tracker.unregister(memory._name, "shared_memory")
    KEPT.append(memory)  # it would be unmapped under the table
    return pa.ipc.open_stream(pa.py_buffer(memory.buf)).read_all()


def forget_shared_memory(memory):
    memory.close()
    memory.unlink()

# ---- pickle through a pipe: the producer writes into one per consumer


def put_pickle(table, folder, socket):
    data = pickle.dumps(table, protocol=5)
    return folder, len(data), data


def send_pickle(path, data):
    with open(path, "wb") as pipe:
        pipe.write(data)


def open_pickle(path):
    with open(path, "rb") as pipe:
        return pickle.load(pipe)


WAYS = {
    "vineyard": (put_vineyard, open_vineyard, forget_vineyard),
    "Parquet file": (put_parquet, open_parquet, os.unlink),
    "Arrow IPC on tmpfs": (put_ipc, open_ipc, os.unlink),
    "shared_memory": (put_shared_memory, open_shared_memory, forget_shared_memory),
    "pickle through pipes": (put_pickle, open_pickle, lambda data: None),
}
