# SPDX-License-Identifier: Apache-2.0
"""Values that no builder knows."""

import collections
import enum
import os

import numpy as np
import pytest


class Custom:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is Custom and np.array_equal(self.x, other.x)


class Colour(enum.IntEnum):
    RED = 1


Pair = collections.namedtuple("Pair", "a b")


class MyList(list):
    pass


@pytest.mark.parametrize(
    "value",
    [Custom(1), Colour.RED, Pair(1, "x"), MyList([1]), collections.OrderedDict(a=1), collections.Counter("aab"),
     collections.deque([1, 2]), os.path, print, Custom, ValueError("x")],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_any_other_value_comes_back_equal_and_of_its_type(client, value):
    if value is os.path:
        with pytest.raises(TypeError, match="pickle refuses"):
            client.put(value)
        return
    back = client.get(client.put(value))
    assert type(back) is type(value)
    assert back == value or repr(back) == repr(value)
    assert client.get(client.put([value, 1]))[1] == 1


def test_arrays_inside_are_shared_parts_of_the_payload(client):
    value = Custom(np.arange(10_000))
    object_id = client.put(value)
    assert client.get_meta(object_id)["size_"] < 1000
    back = client.get(object_id)
    assert back == value
    assert not back.x.flags.writeable
    assert back.x.ctypes.data % 64 == 0


def test_a_list_that_contains_itself_comes_back(client):
    value = [1]
    value.append(value)
    back = client.get(client.put(value))
    while back[1] is not back and isinstance(back[1], list) and back[1][0] == 1 and back is not back[1][1]:
        back = back[1]
    assert back[0] == 1


def test_where_others_can_write_pickle_must_be_allowed(own_daemon):
    import vineyard

    client = vineyard.connect(own_daemon.socket)
    allowed = client.put(Custom(1))
    os.chmod(own_daemon.socket, 0o666)
    with pytest.raises(TypeError, match="allow_pickle=True"):
        client.put(Custom(1))
    with pytest.raises(TypeError, match="allow_pickle=True"):
        client.put([1, Custom(1)])
    with pytest.raises(TypeError, match="allow_pickle=True"):
        client.get(allowed)
    assert client.get(client.put(Custom(2), allow_pickle=True), allow_pickle=True) == Custom(2)
    assert client.get(client.put([1, {"x": (2, None)}])) == [1, {"x": (2, None)}]


def test_pickle_can_be_refused(client):
    with pytest.raises(TypeError, match="allow_pickle"):
        client.put(Custom(1), allow_pickle=False)
    with pytest.raises(TypeError, match="allow_pickle"):
        client.get(client.put(Custom(1)), allow_pickle=False)
