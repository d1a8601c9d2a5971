# SPDX-License-Identifier: Apache-2.0
"""Values of Python itself come back equal, and of the same type."""

import collections
import datetime
import decimal
import fractions
import math
import uuid
import zoneinfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SCALARS = [
    0,
    -1,
    2**31,
    -(2**63),
    2**63,
    2**64 - 1,
    2**64,
    -(2**70),
    10**5000,
    True,
    False,
    None,
    0.1,
    -0.0,
    1e-320,
    float("inf"),
    "",
    "text",
    "ä\0€𝄞",
    "\ud800 lone",
    "x" * 3_000_000,
    1 + 2j,
    ...,
]
CONTAINERS = [
    [],
    (),
    {},
    set(),
    [1, 2.5, "x", None, True],
    (1, (2, (3, [4, {5: 6}]))),
    {"a": 1, 2: "b", None: [1, (2,)], (1, 2): {3}, 2.5: b"bytes"},
    {1, "two", 3.0, (4, 5)},
    frozenset((1, frozenset((2,)))),
    list(range(1000)),
    [float(i) for i in range(1000)],
    [str(i) for i in range(1000)],
    [True] * 100,
    [1, 2**70] * 50,
    [b"", b"x" * 100_000],
    [[i] for i in range(200)],
    bytearray(b"changes"),
    range(1, 10, 3),
    slice(None, 5, None),
]
LIBRARY = [
    datetime.datetime(2024, 2, 29, 12, 30, 15, 123456),
    datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc),
    datetime.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=5), "five")),
    datetime.date(1, 1, 1),
    datetime.time(23, 59, 59, 999999),
    datetime.timedelta(days=-1, microseconds=1),
    decimal.Decimal("-1.200"),
    decimal.Decimal("NaN"),
    fractions.Fraction(1, 3),
    uuid.UUID(int=2**127),
]


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, (float, decimal.Decimal)) and math.isnan(a):
        return math.isnan(b)
    return a == b


@pytest.mark.parametrize("value", SCALARS + CONTAINERS + LIBRARY, ids=lambda v: type(v).__name__)
def test_a_value_comes_back_equal_and_of_its_type(client, value):
    back = client.get(client.put(value))
    assert same(back, value)


def test_nan_and_negative_zero_are_exact(client):
    assert math.isnan(client.get(client.put(float("nan"))))
    assert math.copysign(1, client.get(client.put(-0.0))) == -1


def test_types_inside_containers_are_kept(client):
    back = client.get(client.put([1, True, 1.0, (1,), [1], "1", b"1", bytearray(b"1")]))
    assert [type(v) for v in back] == [int, bool, float, tuple, list, str, bytes, bytearray]


def test_a_datetime_keeps_its_fold_and_zone(client):
    value = datetime.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    back = client.get(client.put(value))
    assert back.fold == 1
    assert back.tzinfo is value.tzinfo
    assert client.get(client.put(value.replace(tzinfo=datetime.timezone(datetime.timedelta(1, -1), "n")))).tzname() == "n"


def test_a_deep_list_comes_back(client):
    value = []
    for _ in range(150):
        value = [value]
    assert client.get(client.put(value)) == value


def test_what_is_put_is_not_changed_later(client):
    value = [1, [2]]
    object_id = client.put(value)
    value[1].append(3)
    assert client.get(object_id) == [1, [2]]


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.datetimes()
    | st.timedeltas()
    | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=30,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=plain)
def test_any_plain_value_comes_back(client, value):
    back = client.get(client.put(value))
    if type(value) is not bytes:
        assert type(back) is type(value)
    assert back == value


def test_ordered_dicts_keep_their_order_and_attributes(client):
    value = collections.OrderedDict([("b", np.arange(3)), (("a", 1), "text"), ("c", collections.OrderedDict(x=1))])
    value.note = {"version": 1}
    object_id = client.put(value)
    found = client.get(object_id)
    assert type(found) is collections.OrderedDict and list(found) == list(value)
    assert found.note == {"version": 1} and type(found["c"]) is collections.OrderedDict and found["c"] == value["c"]
    assert np.array_equal(found["b"], value["b"]) and client.is_shared_memory(found["b"])
    assert client.get_meta(object_id).typename == "vineyard::OrderedDict"


def test_kinds_of_ordered_dicts_stay_what_they_are(client):
    for value in (collections.OrderedDict(), collections.Counter("aab"), collections.defaultdict(int, a=1), collections.deque([1])):
        found = client.get(client.put(value))
        assert type(found) is type(value) and found == value
