# SPDX-License-Identifier: Apache-2.0
"""One client shared by many threads, and Python going on while one of them copies or waits."""

import random
import sys
import threading
import time

import numpy as np
import pyarrow as pa
import pytest

from vineyard import errors


@pytest.fixture(params=[None, 1e-6], ids=["as usual", "switching all the time"])
def switching(request):
    before = sys.getswitchinterval()
    if request.param:
        sys.setswitchinterval(request.param)
    yield
    sys.setswitchinterval(before)


def in_threads(count, work):
    """Runs `work(number)` in that many threads at once; raises what the first of them raised."""
    failures, start = [], threading.Barrier(count)

    def run(number):
        try:
            start.wait(60)
            work(number)
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


VALUES = (
    lambda n: n,
    lambda n: f"text {n}" * 20,
    lambda n: bytes([n % 256]) * 5000,
    lambda n: [n, {"a": (n, "x")}],
    lambda n: np.arange(n, n + 3000),
    lambda n: pa.table({"a": [n, n + 1], "b": ["x", None]}),
)


def same(one, two):
    return (one == two).all() if isinstance(one, np.ndarray) else one == two


def test_threads_share_a_client(client, switching):
    names = [f"n{i}" for i in range(8)]

    def work(number):
        chance = random.Random(number)
        mine = []
        for i in range(120):
            n = number * 1000 + i
            value = chance.choice(VALUES)(n)
            object_id = client.put(value)
            assert same(client.get(object_id), value) and client.exists(object_id)
            mine.append((object_id, value))
            _use_names(client, chance, names, object_id)
            if len(mine) > 20:
                object_id, value = mine.pop(chance.randrange(len(mine)))
                view = client.get(object_id)
                client.delete(object_id, force=True)
                assert same(view, value)
                with pytest.raises(errors.ObjectNotExistsException):
                    client.get_object(object_id)
        for object_id, value in mine:
            assert same(client.get(object_id), value)

    in_threads(8, work)


def _use_names(client, chance, names, object_id):
    name = chance.choice(names)
    action = chance.randrange(4)
    if action == 0:
        client.put_name(object_id, name)
    elif action == 1:
        client.drop_name(name)
    elif action == 2:
        assert set(client.list_names("n*", limit=100)) <= set(names)
    else:
        try:
            client.get_name(name)
        except errors.ObjectNotExistsException:
            pass


def test_threads_read_the_objects_of_one_another(client, switching):
    shared, lock = [], threading.Lock()

    def work(number):
        chance = random.Random(number)
        for i in range(100):
            object_id = client.put({"n": number, "a": np.full(500, i)})
            with lock:
                shared.append((object_id, number, i))
                object_id, n, m = chance.choice(shared)
            got = client.get(object_id)
            assert got["n"] == n and (got["a"] == m).all()
            meta = client.get_meta(object_id)
            assert meta.typename == "vineyard::Dict" and meta["size_"] == 2

    in_threads(8, work)


def test_one_object_is_read_by_many_threads(client, switching):
    obj = client.get_object(client.put({"a": np.arange(1000), "t": pa.table({"x": [1, 2]})}))

    def work(number):
        for _ in range(60):
            array, table = (obj.member(f"__values_-{i}") for i in range(2))
            assert np.asarray(array)[999] == 999 and memoryview(array)[number] == number
            assert pa.table(table)["x"].to_pylist() == [1, 2] and array.id == array.id

    in_threads(8, work)


def test_threads_meet_a_type_for_the_first_time(run_python):
    code = """
import threading
sys.setswitchinterval(1e-6)
import numpy, pandas, pyarrow, polars
values = [numpy.arange(3), pandas.Series([1]), pyarrow.array([1]), polars.Series([1]), numpy.ma.masked_array([1])]
start, failures = threading.Barrier(8), []
def work():
    try:
        start.wait(60)
        for value in values:
            assert type(client.get(client.put(value))) is type(value)
    except BaseException as e:
        failures.append(e)
threads = [threading.Thread(target=work) for _ in range(8)]
[t.start() for t in threads], [t.join() for t in threads]
print(failures)
"""
    assert run_python(code) == "[]"


class Counter:
    """Another Python thread, which counts while this one is in the middle of something."""

    def __enter__(self):
        self.count, self._stop, begun = 0, False, threading.Event()

        def run():
            while not self._stop:
                self.count += 1
                begun.set()
                time.sleep(0)  # gives the GIL up: nobody is made to (counted_during)

        self._thread = threading.Thread(target=run)
        self._thread.start()
        assert begun.wait(60)
        return self

    def __exit__(self, *_):
        self._stop = True
        self._thread.join()


def counted_during(call):
    """What the other thread counted during a call of C, in which only giving up the GIL lets it: no switch is made."""
    before = sys.getswitchinterval()
    with Counter() as counter:
        sys.setswitchinterval(1000)
        try:
            begin = counter.count
            call()
            return counter.count - begin
        finally:
            sys.setswitchinterval(before)


def test_python_goes_on_during_a_copy(client):
    data = bytes(512 << 20)
    assert counted_during(lambda: client.put(data)) > 10


def test_python_goes_on_during_the_copy_of_an_array(client):
    array = np.zeros((256 << 20) // 8)
    assert counted_during(lambda: client.put(array)) > 10


def test_python_goes_on_while_one_waits_for_a_name(client):
    def wait():
        with pytest.raises(errors.VineyardException):
            client.get_name("never", wait=0.05)

    assert counted_during(wait) > 10


def test_other_threads_use_the_client_while_one_waits_for_a_name(client):
    got = []
    thread = threading.Thread(target=lambda: got.append(client.get(client.get_name("late", wait=True))))
    thread.start()
    for i in range(50):
        assert client.get(client.put([i])) == [i]
        assert client.list_names("*") == {}
    client.put("here", name="late")
    thread.join()
    assert got == ["here"]
