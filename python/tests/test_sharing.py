# SPDX-License-Identifier: Apache-2.0
"""Values between processes: pickles by reference, shared memory as in the standard library, one copy for many."""

import collections
import multiprocessing
import multiprocessing.shared_memory
import pickle

import joblib
import numpy as np
import pytest

import vineyard
from vineyard import errors, pickling
from vineyard.shared_memory import ShareableList, SharedMemory

CONTEXTS = ["fork", "spawn"]
ARRAY = np.arange(100_000.0)


# ---- pickling


def test_large_buffers_lie_in_the_store(client, run_python):
    value = {"big": ARRAY, "small": np.arange(3), "text": "x", "again": [ARRAY.reshape(100, -1).T]}
    data = pickling.dumps(value, client)
    assert len(data) < 2000
    for load in (pickling.loads, pickle.loads):
        found = load(data)
        assert np.array_equal(found["big"], ARRAY) and np.array_equal(found["again"][0], value["again"][0])
        assert client.is_shared_memory(found["big"]) and not found["big"].flags.writeable
        assert not client.is_shared_memory(found["small"]) and found["text"] == "x"
    assert run_python(f"import pickle; print(pickle.loads({data!r})['big'].sum())") == str(ARRAY.sum())


def test_least_says_what_is_large(client):
    assert len(pickling.dumps(np.zeros(100), client, least=100)) < 700
    assert len(pickling.dumps(ARRAY, client, least=10**9)) > ARRAY.nbytes
    assert pickling.dumps([1, "x"], client) == pickle.dumps([1, "x"], protocol=5)


def test_views_of_objects_are_not_copied(client):
    source = client.put(np.ones(1_000_000))
    view, before = client.get(source), client.status.memory_usage
    data = pickling.dumps([view, view[1:]], client)
    assert client.status.memory_usage - before < 1_000_000
    whole, part = pickling.loads(data)
    address = view.__array_interface__["data"][0]
    assert whole.__array_interface__["data"][0] == address and part.__array_interface__["data"][0] == address + 8
    client.delete(source)
    assert pickling.loads(data)[0].sum() == 1_000_000


def test_a_small_part_of_an_object_is_copied(client):
    view = client.get(client.put(np.arange(1_000_000)))
    data = pickling.dumps(view[:10_000], client)
    found = pickling.loads(data)
    assert np.array_equal(found, np.arange(10_000))
    assert found.__array_interface__["data"][0] != view.__array_interface__["data"][0]


def test_blobs_are_passed_by_reference(client):
    blob = client.get(client.put(bytes(range(256)) * 1000))
    data = pickling.dumps(blob, client)
    found = pickling.loads(data)
    assert len(data) < 1000 and found == blob and found.address == blob.address


def test_release_deletes_what_was_put(client):
    data = pickling.dumps(ARRAY, client)
    found = pickling.loads(data)
    assert len(client.list_objects("vineyard::PickledBuffers")) == 1
    pickling.release(data)
    assert client.list_objects("vineyard::PickledBuffers") == []
    assert np.array_equal(found, ARRAY)
    with pytest.raises(errors.ObjectNotExistsException):
        pickling.loads(data)
    pickling.release(data)


def explode():
    raise AssertionError("code of the pickle ran")


class Bomb:
    def __reduce__(self):
        return explode, ()


def test_release_runs_no_code_of_the_pickle(client):
    pickling.release(pickling.dumps(Bomb(), client))
    pickling.release(pickling.dumps([Bomb(), ARRAY], client))
    pickling.release(pickle.dumps({"a": collections.OrderedDict()}))


# ---- values passed by their id


def total(shared, part):
    return float(shared.get()[part::4].sum())


@pytest.mark.parametrize("context", CONTEXTS)
def test_shared_values_reach_workers(client, context):
    shared = pickling.Shared.put(ARRAY, client)
    assert len(pickle.dumps(shared)) < 500
    with multiprocessing.get_context(context).Pool(2) as pool:
        parts = pool.starmap(total, [(shared, n) for n in range(4)])
    assert sum(parts) == ARRAY.sum()
    value = shared.get()
    shared.delete()
    assert not client.exists(shared.id) and shared.get() is value and np.array_equal(value, ARRAY)


@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
def test_joblib(client, backend):
    shared = pickling.Shared.put(ARRAY, client)
    parts = joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(total)(shared, n) for n in range(4))
    assert sum(parts) == ARRAY.sum()


def send_back(data):
    value = pickling.loads(data)
    return pickling.dumps(value * 2, vineyard.connect(value_socket()))


def value_socket():
    (socket,) = pickling._clients
    return socket


def test_results_come_back_by_reference(client):
    data = pickling.dumps(ARRAY, client)
    (result,) = joblib.Parallel(n_jobs=2)(joblib.delayed(send_back)(d) for d in [data])
    assert len(result) < 1000 and np.array_equal(pickling.loads(result), ARRAY * 2)


# ---- one copy in memory


def memory_of_this_process():
    """Bytes, as /proc says."""
    with open("/proc/self/smaps_rollup") as lines:
        return {line.split()[0][:-1]: int(line.split()[1]) * 1024 for line in lines if line.rstrip().endswith("kB")}


def read_everything(shared, barrier, results):
    np.ones(1000).sum()
    before = memory_of_this_process()
    found = shared.get().sum()
    barrier.wait(60)  # all have read
    after = memory_of_this_process()
    barrier.wait(60)  # and nobody lets go before all have looked
    results.put((found, {key: after[key] - before[key] for key in ("Rss", "Pss", "Pss_Anon")}))


@pytest.mark.parametrize("name", CONTEXTS)
def test_eight_processes_have_one_copy(client, name):
    nbytes, count = 64 << 20, 8
    shared = pickling.Shared.put(np.ones(nbytes // 8), client)
    context = multiprocessing.get_context(name)
    barrier, results = context.Barrier(count), context.SimpleQueue()
    workers = [context.Process(target=read_everything, args=(shared, barrier, results)) for _ in range(count)]
    for worker in workers:
        worker.start()
    found = [results.get() for _ in range(count)]
    for worker in workers:
        worker.join()
    assert [total for total, _ in found] == [nbytes / 8] * count
    assert sum(memory["Rss"] for _, memory in found) > 0.9 * count * nbytes  # all of them read all of it
    assert sum(memory["Pss"] for _, memory in found) < 1.25 * nbytes  # and together they hold one copy
    assert sum(memory["Pss_Anon"] for _, memory in found) < 0.25 * nbytes


# ---- shared memory as in the standard library


def test_shared_memory_has_the_calls_of_the_standard_one(client):
    memory = SharedMemory(client, create=True, size=80)
    array = np.ndarray(10, np.float64, memory.buf)
    array[:] = 5
    assert memory.size == 80 and memory.name.startswith("o") and memory.freeze() is memory
    opened = SharedMemory(client, name=memory.name)
    for again in (opened, SharedMemory(client, int(memory._id)), SharedMemory(client, memory._id)):
        assert again.name == memory.name and again.size == 80
        assert np.ndarray(10, np.float64, again.buf).tolist() == [5.0] * 10
    memory.close()
    opened.close()
    opened.unlink()
    assert not client.exists(memory.name) and opened.buf[0] == bytes(np.float64(5))[0]


def test_nobody_writes_after_freeze(client):
    memory = SharedMemory(client, create=True, size=80)
    array = np.ndarray(10, np.float64, memory.buf)
    array[:] = 5
    memory.freeze()
    array[:] = 7  # memory of its own by now
    assert np.ndarray(10, np.float64, SharedMemory(client, memory.name).buf).tolist() == [5.0] * 10
    with pytest.raises(TypeError):
        memory.buf[0] = 1


def test_unlink_before_freeze_gives_the_memory_up(client):
    memory = SharedMemory(client, create=True, size=80)
    memory.unlink()
    with pytest.raises(errors.ObjectNotExistsException):
        SharedMemory(client, memory.name)


def test_shared_memory_refuses_what_makes_no_sense(client):
    for arguments in ({}, {"create": True}, {"create": True, "size": -1}, {"create": True, "size": 8, "name": "o1"}):
        with pytest.raises(ValueError, match="name"):
            SharedMemory(client, **arguments)
    with pytest.raises(ValueError, match="not shared memory"):
        SharedMemory(client, client.put(ARRAY))
    with pytest.raises(TypeError, match="by its name"):
        pickle.dumps(SharedMemory(client, create=True, size=8))


ITEMS = [1, -5, 2.5, True, None, "zwölf", b"bytes", ""]


def test_a_shareable_list(client, run_python):
    items = ShareableList(client, ITEMS)
    items[0] = 7
    assert list(items) == [7, *ITEMS[1:]] and len(items) == len(ITEMS) and isinstance(items.shm, SharedMemory)
    assert items.freeze() is items
    opened = ShareableList(client, name=items.shm.name)
    assert list(opened) == list(items) and opened.count(7) == 1 and opened.index("zwölf") == 5
    for frozen in (items, opened):
        with pytest.raises(TypeError):
            frozen[0] = 1
    code = (
        f"from vineyard.shared_memory import ShareableList\nprint(list(ShareableList(client, name={items.shm.name!r})))"
    )
    assert run_python(code) == str(list(items))
    with pytest.raises(TypeError, match="by its shm.name"):
        pickle.dumps(items)


def test_a_shareable_list_has_the_standard_layout(client):
    standard = multiprocessing.shared_memory.ShareableList(ITEMS)
    try:
        ours = ShareableList(client, ITEMS)
        assert bytes(ours.shm.buf) == bytes(standard.shm.buf[: ours.shm.size]) and ours.format == standard.format
    finally:
        standard.shm.close()
        standard.shm.unlink()
