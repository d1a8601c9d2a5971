# SPDX-License-Identifier: Apache-2.0
"""Views stay as they are: after deletion, without the client, in children, and at exit."""

import gc
import os
import signal
import threading

import numpy as np
import pytest

import vineyard

SIZE = 200_000


def fill_the_pool(client, times=40):
    """Puts and deletes so much that freed bytes are used again."""
    for i in range(times):
        client.delete(client.put(np.full(SIZE, -i - 1.0)))


def test_the_last_part_of_a_view_keeps_the_bytes(daemon):
    client = vineyard.connect(daemon.socket)
    array = np.arange(float(SIZE)).reshape(SIZE // 100, 100)
    expected = array[1:][::2].T.copy()
    object_id = client.put(array)
    view = client.get(object_id)
    part = view[1:][::2].T
    client.delete(object_id)
    client.close()
    del view, client
    gc.collect()
    other = vineyard.connect(daemon.socket)
    fill_the_pool(other)
    np.testing.assert_array_equal(part, expected)


def test_a_view_survives_deletion_and_reuse(client):
    object_id = client.put(np.arange(SIZE))
    view = client.get(object_id)
    memory = memoryview(client.get(client.put(b"bytes" * 1000)))
    client.delete(object_id)
    assert not client.exists(object_id)
    with pytest.raises(vineyard.errors.ObjectNotExistsException):
        client.get(object_id)
    client.clear()
    fill_the_pool(client)
    np.testing.assert_array_equal(view, np.arange(SIZE))
    assert memory == b"bytes" * 1000


def test_dropped_views_give_the_memory_back(client):
    before = client.status.json["objects"]["deleted_but_viewed"]
    views = [client.get(client.put(np.zeros(1000))) for _ in range(20)]
    client.clear()
    assert client.status.json["objects"]["deleted_but_viewed"] >= before + 20
    del views
    gc.collect()
    for _ in range(1000):
        if client.status.json["objects"]["deleted_but_viewed"] <= before:
            break
        client.exists(1)
    client.delete(client.put(1))
    assert client.status.json["objects"]["deleted_but_viewed"] <= before


def test_a_view_survives_close(daemon):
    client = vineyard.connect(daemon.socket)
    view = client.get(client.put(np.arange(1000)))
    client.close()
    np.testing.assert_array_equal(view, np.arange(1000))
    with pytest.raises(vineyard.errors.ConnectionErrorException, match="closed"):
        client.get(1)
    assert not client.connected
    client.close()


def test_objects_and_blobs_keep_what_they_need(daemon):
    client = vineyard.connect(daemon.socket)
    obj = client.get_object(client.put((np.arange(1000), "x")))
    client.close()
    del client
    gc.collect()
    assert obj.first.size() == 1000
    assert bytes(obj.first.member("buffer_")) == np.arange(1000).tobytes()


def in_child(function):
    """Runs a function in a forked child; returns its exit status, 0 when it returned True."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if function() else 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_child_reads_its_parents_views(client):
    view = client.get(client.put(np.arange(SIZE)))
    expected = int(view.sum())
    assert in_child(lambda: int(view.sum()) == expected) == 0
    np.testing.assert_array_equal(view, np.arange(SIZE))


def test_a_child_goes_on_with_its_parents_client(client):
    object_id = client.put([1, 2])

    def child():
        mine = client.put("from the child")
        return client.get(object_id) == [1, 2] and client.get(mine) == "from the child"

    assert in_child(child) == 0
    assert client.get(object_id) == [1, 2]
    assert client.get(client.put("again")) == "again"


def test_what_the_parent_drops_stays_for_the_child(client):
    object_id = client.put(np.arange(SIZE))
    view = client.get(object_id)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.read(reader, 1)
            status = 0 if (view == np.arange(SIZE)).all() else 2
        finally:
            os._exit(status)
    del view
    gc.collect()
    client.delete(object_id)
    fill_the_pool(client)
    os.write(writer, b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(reader)
    os.close(writer)


def test_what_a_child_drops_stays_for_the_parent(client):
    object_id = client.put(np.arange(SIZE))
    holder = [client.get(object_id)]

    def child():
        holder.clear()
        gc.collect()
        client.delete(object_id)
        fill_the_pool(client)
        return True

    assert in_child(child) == 0
    np.testing.assert_array_equal(holder[0], np.arange(SIZE))


def test_views_may_outlive_the_interpreter(run_python):
    code = """
import atexit, numpy as np
view = client.get(client.put(np.arange(1000)))
holder = {"view": view, "blob": client.get(client.put(b"abc")), "object": client.get_object(client.put((1, 2)))}
holder["self"] = holder
atexit.register(lambda: print(int(view.sum())))
class Late:
    def __del__(self):
        assert bytes(holder["blob"]) == b"abc"
late = Late()
"""
    assert run_python(code) == "499500"


def test_another_process_reads_what_this_one_put(client, run_python):
    object_id = client.put({"a": np.arange(10), "b": "text"})
    assert run_python(f"v = client.get('{object_id!r}'); print(v['a'].sum(), v['b'], v['a'].flags.writeable)") == "45 text False"


def test_this_process_reads_what_an_ended_one_put(client, run_python):
    text = run_python("import numpy as np; print(repr(client.put(np.arange(1000))))")
    np.testing.assert_array_equal(client.get(text), np.arange(1000))


def test_this_process_reads_what_a_killed_one_put(client, run_python):
    code = """
print(repr(client.put([1, 2, 3])), flush=True)
import signal
os.kill(os.getpid(), signal.SIGKILL)
"""
    text = run_python(code, status=-signal.SIGKILL)
    assert client.get(text) == [1, 2, 3]


def test_many_threads_put_and_get(client):
    failures = []

    def work(seed):
        try:
            for i in range(150):
                array = np.full(100 + i, seed * 1000 + i)
                object_id = client.put(array)
                view = client.get(object_id)
                if i % 3 == 0:
                    client.delete(object_id)
                if not (view == array).all() or client.get(client.put(f"{seed} {i}")) != f"{seed} {i}":
                    failures.append((seed, i))
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_other_threads_run_during_a_large_put(client):
    data = np.zeros(20_000_000)
    counted = [0]
    stop = threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    for _ in range(3):
        client.delete(client.put(data))
    stop.set()
    thread.join()
    assert counted[0] > 0


def test_a_view_can_be_released_on_another_thread(client):
    views = [client.get(client.put(np.arange(1000))) for _ in range(10)]
    thread = threading.Thread(target=views.clear)
    thread.start()
    thread.join()
    assert client.get(client.put(1)) == 1


def test_daemon_threads_may_be_in_the_middle_of_anything_when_the_interpreter_ends(run_python):
    code = """
import random, threading, numpy as np
values = [np.arange(20_000).reshape(100, 200)[:, ::2], {"a": [1, 2, (3, "x")]}, "text", b"x" * 200_000]
started = threading.Semaphore(0)

def loop():
    while True:
        value = random.choice(values)
        client.get(made := client.put(value))
        client.delete(made)
        started.release()

for _ in range(4):
    threading.Thread(target=loop, daemon=True).start()
for _ in range(100):
    started.acquire()
print("done")
"""
    for _ in range(5):
        assert run_python(code) == "done"
