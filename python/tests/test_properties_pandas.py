# SPDX-License-Identifier: Apache-2.0
"""Any frame, series and index comes back equal: values, dtypes, order, labels of both axes, names and attributes."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from properties import back, examples

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ZONE = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", datetime.timezone(datetime.timedelta(hours=-3))])
UNIT = st.sampled_from(["s", "ms", "us", "ns"])
NUMPY = st.sampled_from(["i1", "i8", "u2", "u8", "f4", "f8", "?", "c16"])
NULLABLE = st.sampled_from(["Int8", "Int64", "UInt32", "Float32", "Float64", "boolean"])
ARROW = st.sampled_from(
    [
        *(pa.int64(), pa.float32(), pa.bool_(), pa.string(), pa.large_string(), pa.binary(), pa.date32()),
        *(pa.timestamp("us", "UTC"), pa.decimal128(10, 2), pa.list_(pa.int32()), pa.struct([("x", pa.int8())])),
        pa.dictionary(pa.int8(), pa.string()),
    ]
)
LABEL = st.none() | TEXT | st.integers(-99, 99) | st.tuples(TEXT, st.integers(0, 3)) | st.dates() | st.just(1.5)


def _arrow_item(kind):
    if pa.types.is_boolean(kind):
        return st.booleans()
    if pa.types.is_timestamp(kind):
        return st.datetimes(
            datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1), timezones=st.just(datetime.UTC)
        )
    if pa.types.is_date(kind):
        return st.dates()
    if pa.types.is_list(kind):
        return st.lists(st.integers(0, 9), max_size=3)
    if pa.types.is_struct(kind):
        return st.fixed_dictionaries({"x": st.integers(0, 9)})
    if pa.types.is_decimal(kind):
        return st.decimals(-99, 99, places=2)
    if pa.types.is_binary(kind):
        return st.binary(max_size=5)
    return TEXT if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)) else st.integers(0, 99)


@st.composite
def numpy_values(draw, size):
    values = np.array(draw(st.lists(st.integers(0, 100), min_size=size, max_size=size)), dtype="i8").astype(draw(NUMPY))
    return values[::-1] if draw(st.booleans()) else values


@st.composite
def times(draw, size):
    unit = draw(UNIT)
    kind = draw(st.sampled_from(["M8", "m8"]))
    numbers = draw(st.lists(st.integers(-(10**9), 10**9), min_size=size, max_size=size))
    index = pd.Index(np.array(numbers, "i8").view(f"{kind}[{unit}]"))
    if size and draw(st.booleans()):
        index = index.insert(0, pd.NaT)[:size]
    if kind == "M8" and draw(st.booleans()):
        index = index.tz_localize("UTC").tz_convert(draw(ZONE))
    return index.array


@st.composite
def extension(draw, size):
    """Values of an extension dtype."""
    kind = draw(st.sampled_from(["nullable", "category", "period", "interval", "string", "arrow", "sparse"]))
    numbers = draw(st.lists(st.none() | st.integers(0, 50), min_size=size, max_size=size))
    if kind == "nullable":
        return pd.array(
            [None if n is None else bool(n % 2) for n in numbers]
            if (dtype := draw(NULLABLE)) == "boolean"
            else numbers,
            dtype=dtype,
        )
    if kind == "category":
        labels = st.sampled_from(["a", "b", "c"]) if draw(st.booleans()) else st.integers(1, 3)
        values = draw(st.lists(st.none() | labels, min_size=size, max_size=size))
        return pd.Categorical(values, ordered=draw(st.booleans()))
    if kind == "period":
        frequency = draw(st.sampled_from(["D", "M", "Y", "h", "2D", "W-SUN", "Q-MAR"]))
        return pd.array(
            [pd.NaT if n is None else pd.Period(ordinal=n, freq=frequency) for n in numbers],
            dtype=f"period[{frequency}]",
        )
    if kind == "interval":
        left = [n or 0 for n in numbers]
        array = pd.arrays.IntervalArray.from_arrays(
            left, [n + 1.5 for n in left], closed=draw(st.sampled_from(["left", "right", "both", "neither"]))
        )
        return array
    if kind == "string":
        storage = draw(st.sampled_from(["python", "pyarrow"]))
        return pd.array(draw(st.lists(st.none() | TEXT, min_size=size, max_size=size)), dtype=pd.StringDtype(storage))
    if kind == "sparse":
        fill = draw(st.sampled_from([0, np.nan]))
        return pd.arrays.SparseArray([float(n or 0) for n in numbers], fill_value=fill)
    dtype = draw(ARROW)
    values = draw(st.lists(st.none() | _arrow_item(dtype), min_size=size, max_size=size))
    return pd.array(pa.array(values, dtype), dtype=pd.ArrowDtype(dtype))


@st.composite
def objects(draw, size):
    item = draw(
        st.sampled_from([TEXT | st.none(), st.none() | st.integers() | TEXT | st.binary(max_size=3) | st.dates()])
    )
    array = np.empty(size, object)
    array[:] = draw(st.lists(item, min_size=size, max_size=size))
    return pd.Series(array, dtype=object).to_numpy()


def values_of(size):
    return numpy_values(size) | times(size) | extension(size) | objects(size)


def text_values(size):
    """What pandas makes of a list of text: object before 3, `str` from then on."""
    return st.lists(TEXT | st.none(), min_size=size, max_size=size).map(
        lambda items: pd.Series(items, dtype=None if items else object).array
    )


@st.composite
def indexes(draw, size, deep=True):
    name = draw(LABEL)
    kind = draw(
        st.sampled_from(
            ["range", "values", "times", "multi", "text", "freq"] if deep else ["range", "values", "times", "text"]
        )
    )
    if kind == "range":
        start, step = draw(st.integers(-9, 9)), draw(st.sampled_from([1, 3, -2]))
        return pd.RangeIndex(start, start + size * step, step, name=name)
    if kind == "times":
        return pd.Index(draw(times(size)), name=name)
    if kind == "text":
        return pd.Index(draw(st.lists(TEXT, min_size=size, max_size=size)), dtype=None if size else object, name=name)
    if kind == "freq":
        make, step = draw(
            st.sampled_from(
                [(pd.date_range, "D"), (pd.date_range, "2h"), (pd.timedelta_range, "3min"), (pd.date_range, "MS")]
            )
        )
        return make(
            draw(st.sampled_from(["1D", "2D"])) if make is pd.timedelta_range else "2024-01-01",
            periods=size,
            freq=step,
            name=name,
        )
    if kind == "multi":
        levels = [draw(indexes(size, deep=False)) for _ in range(draw(st.integers(1, 3)))]
        return pd.MultiIndex.from_arrays(
            [level.to_numpy() if level.dtype == object else level for level in levels],
            names=[draw(LABEL) for _ in levels],
        )
    values = draw(values_of(size).filter(lambda v: not _unhashable(v)))
    return pd.Index(values, name=name)


def _unhashable(values):
    dtype = getattr(values, "dtype", None)
    nested = isinstance(dtype, pd.ArrowDtype) and (
        pa.types.is_nested(dtype.pyarrow_dtype) or pa.types.is_dictionary(dtype.pyarrow_dtype)
    )
    return nested or isinstance(dtype, pd.SparseDtype) or dtype in (np.dtype("c16"), np.dtype("?"))


ATTRIBUTES = st.just({}) | st.dictionaries(
    TEXT, st.none() | st.integers() | st.lists(TEXT, max_size=2) | st.dates(), max_size=2
)
SIZES = st.integers(0, 6)


def assert_same_index(found, index):
    """Also kind, dtype, names, frequency, and for a MultiIndex its levels."""
    assert type(found) is type(index)
    pd.testing.assert_index_equal(found, index, exact=True)
    assert list(found.names) == list(index.names)
    assert list(map(type, found.names)) == list(map(type, index.names))
    assert getattr(found, "freq", None) == getattr(index, "freq", None)
    if isinstance(index, pd.MultiIndex):
        for a, b in zip(found.levels, index.levels, strict=True):
            pd.testing.assert_index_equal(a, b, exact=True)
    if isinstance(index, pd.RangeIndex):
        assert (found.start, found.stop, found.step) == (index.start, index.stop, index.step)


def assert_same_series(found, series):
    assert type(found) is pd.Series
    assert found.dtype == series.dtype
    assert type(found.array) is type(series.array)
    assert found.name == series.name
    assert type(found.name) is type(series.name)
    assert found.attrs == series.attrs
    assert_same_index(found.index, series.index)
    pd.testing.assert_series_equal(found, series, check_flags=True)
    if series.dtype == object:
        assert list(map(type, found)) == list(map(type, series))


@examples(120)
@given(SIZES.flatmap(lambda n: st.tuples(values_of(n) | text_values(n), indexes(n))), LABEL, ATTRIBUTES)
def test_a_series_comes_back(client, parts, name, attributes):
    values, index = parts
    series = pd.Series(values, index=index, name=name)
    series.attrs = attributes
    assert_same_series(back(client, series), series)


@examples(120)
@given(SIZES.flatmap(indexes))
def test_an_index_comes_back(client, index):
    assert_same_index(back(client, index), index)


@st.composite
def frames(draw):
    rows, columns = draw(SIZES), draw(st.integers(0, 5))
    kind = draw(st.sampled_from(["mixed", "one dtype", "slice"]))
    if kind == "mixed":
        data = {i: draw(values_of(rows) | text_values(rows)) for i in range(columns)}
        frame = pd.DataFrame({i: pd.Series(v, dtype=v.dtype) for i, v in data.items()}, index=range(rows))
    else:
        frame = pd.DataFrame(np.arange(rows * columns).reshape(rows, columns).astype(draw(NUMPY)))
    frame.index = draw(indexes(rows))
    frame.columns = draw(labels(columns))
    frame.attrs = draw(ATTRIBUTES)
    if kind == "slice":
        frame = frame.iloc[::2, ::-1]
    if frame.index.is_unique and frame.columns.is_unique and draw(st.booleans()):
        frame.flags.allows_duplicate_labels = False
    return frame


@st.composite
def labels(draw, size):
    """Column labels: of one kind, of many kinds, or the same ones again."""
    kind = draw(st.sampled_from(["index", "mixed", "same"]))
    if kind == "index":
        return draw(indexes(size))
    if kind == "same":
        return pd.Index(["x"] * size, dtype=None if size else object)
    values = np.empty(size, object)
    values[:] = draw(st.lists(LABEL, min_size=size, max_size=size))
    return pd.Index(values, dtype=object, tupleize_cols=False)


@examples(150)
@given(frames())
def test_a_frame_comes_back(client, frame):
    found = back(client, frame)
    assert type(found) is pd.DataFrame
    assert found.shape == frame.shape
    assert found.attrs == frame.attrs
    assert found.flags.allows_duplicate_labels == frame.flags.allows_duplicate_labels
    assert_same_index(found.index, frame.index)
    assert_same_index(found.columns, frame.columns)
    for i in range(frame.shape[1]):
        a, b = found.iloc[:, i], frame.iloc[:, i]
        assert a.dtype == b.dtype
        assert type(a.array) is type(b.array)
    pd.testing.assert_frame_equal(found, frame, check_flags=True)


@examples(40)
@given(frames())
def test_a_frame_can_be_changed_and_the_object_does_not_change(client, frame):
    object_id = client.put(frame)
    found = client.get(object_id)
    if frame.shape[0] and frame.flags.allows_duplicate_labels:
        found["new"] = range(len(found))
        found.sort_index(
            axis=0, inplace=True, key=lambda index: index.astype(str)
        ) if found.index.nlevels == 1 else None
    pd.testing.assert_frame_equal(client.get(object_id), frame)


@examples(40)
@given(SIZES.flatmap(lambda n: extension(n) | times(n)))
def test_an_extension_array_comes_back(client, array):
    found = back(client, array)
    assert type(found) is type(array)
    pd.testing.assert_extension_array_equal(found, array)
