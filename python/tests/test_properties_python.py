# SPDX-License-Identifier: Apache-2.0
"""Any value of Python itself comes back equal, with the same types all the way down."""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import uuid

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from properties import back, examples

ANY_TEXT = st.text(st.characters(), max_size=40)  # lone surrogates too
ZONES = st.none() | st.timezones() | st.just(datetime.UTC)
OFFSETS = st.timedeltas(datetime.timedelta(hours=-23), datetime.timedelta(hours=23)).map(datetime.timezone)
FAMILY = (
    st.dates()
    | st.datetimes(timezones=ZONES | OFFSETS)
    | st.times(timezones=st.none() | OFFSETS)
    | st.timedeltas()
    | OFFSETS
)
NUMBERS = st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.decimals() | st.fractions()
SCALARS = st.none() | NUMBERS | ANY_TEXT | st.binary(max_size=40) | FAMILY | st.uuids() | st.just(...)
KEYS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | ANY_TEXT
    | st.binary(max_size=9)
    | st.dates()
)


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass
class Point:
    x: int
    y: object


Pair = collections.namedtuple("Pair", "left right")


class Count(int):
    pass


def containers(inner):
    """Lists, tuples, dicts, sets of values."""
    return (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=5)
        | st.sets(KEYS, max_size=5)
        | st.frozensets(KEYS, max_size=5)
        | st.binary(max_size=40).map(bytearray)
    )


ARRAYS = st.integers(0, 9).map(np.arange)
VALUES = st.recursive(SCALARS, containers, max_leaves=20)
MIXED = st.recursive(SCALARS | ARRAYS, containers, max_leaves=12)
OTHERS = st.recursive(
    st.sampled_from([Colour.RED, Number.ONE, Count(7), Colour, collections.Counter("aab"), collections.deque([1], 3)])
    | st.builds(Point, st.integers(), SCALARS)
    | st.builds(Pair, st.integers(), ANY_TEXT)
    | st.dictionaries(ANY_TEXT, st.integers(), max_size=3).map(collections.OrderedDict),
    lambda inner: st.lists(inner, max_size=3) | st.builds(Point, st.integers(), inner),
    max_leaves=6,
)


def same(a, b):
    """Equal, of one type, all the way down; NaN is NaN, and -0.0 is not 0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, (list, tuple, collections.deque)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(map(repr, a)) == list(map(repr, b)) and all(map(same, a.values(), b.values()))
    if isinstance(a, (set, frozenset)):
        return a == b and sorted(map(repr, a)) == sorted(map(repr, b))
    if isinstance(a, (float, complex, decimal.Decimal, Point)):
        return repr(a) == repr(b)
    if isinstance(a, (datetime.datetime, datetime.time)):
        return a == b and a.fold == b.fold and repr(a.tzinfo) == repr(b.tzinfo)
    return a == b


@examples(200)
@given(SCALARS)
def test_a_scalar_comes_back(client, value):
    found = back(client, value)
    if type(value) is bytes:
        found = bytes(found)  # bytes come back as a Blob
    assert same(found, value)


@examples(200)
@given(containers(VALUES))
def test_a_nested_container_comes_back(client, value):
    found = back(client, value)
    assert same(found, value), found


@examples(100)
@given(containers(MIXED))
def test_containers_with_arrays_in_them_come_back(client, value):
    found = back(client, value)
    assert same(found, value), found


@examples(60)
@given(OTHERS)
def test_other_values_come_back_by_pickle(client, value):
    found = back(client, value)
    assert same(found, value), found


@examples(30)
@given(st.binary(max_size=3000), st.integers(0, 9), st.integers(1, 3))
def test_bytes_and_memoryviews_come_back_as_a_blob(client, data, start, step):
    assert back(client, data) == data
    assert back(client, memoryview(data)[start::step]) == bytes(memoryview(data)[start::step])
    numbers = memoryview(np.frombuffer(data[: len(data) // 8 * 8], np.int64))
    assert back(client, numbers) == numbers.tobytes()


@examples(40)
@given(st.lists(ANY_TEXT | st.none() | st.integers(), min_size=60, max_size=200))
def test_long_lists_come_back(client, value):
    assert same(back(client, value), value)
    assert same(back(client, {"k": tuple(value)}), {"k": tuple(value)})


def test_ranges_slices_and_large_values_come_back(client):
    for value in (
        range(1, 9, 2),
        slice(1, None, -1),
        uuid.UUID(int=1),
        fractions.Fraction(1, 3),
        2**20000,
        "ü" * 10**6,
    ):
        assert same(back(client, value), value)
