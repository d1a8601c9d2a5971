# SPDX-License-Identifier: Apache-2.0
"""Any Arrow array, chunked array, batch, table and schema comes back equal, as views; and so do polars frames."""

import datetime

import polars as pl
import pyarrow as pa
import pytest
from buffers import places
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal, assert_series_equal
from polars.testing.parametric import dataframes, series
from properties import back, examples

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
BYTES = st.binary(max_size=20)
UTC = datetime.UTC
TIMES = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1))
SMALL = st.integers(0, 100)

FLAT = [
    *((kind, SMALL) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())),
    *((kind, SMALL) for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())),
    *((kind, SMALL.map(float)) for kind in (pa.float16(), pa.float32(), pa.float64())),
    (pa.bool_(), st.booleans()),
    (pa.null(), st.none()),
    *((kind, TEXT) for kind in (pa.string(), pa.large_string(), pa.string_view())),
    *((kind, BYTES) for kind in (pa.binary(), pa.large_binary(), pa.binary_view())),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.date32(), st.dates()),
    (pa.date64(), st.dates()),
    (pa.time32("ms"), st.times().map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000))),
    (pa.time64("us"), st.times()),
    (pa.timestamp("us"), TIMES),
    (pa.timestamp("us", "Europe/Berlin"), TIMES.map(lambda t: t.replace(tzinfo=UTC))),
    (pa.timestamp("s"), TIMES.map(lambda t: t.replace(microsecond=0))),
    (pa.duration("us"), st.timedeltas(datetime.timedelta(-999), datetime.timedelta(999))),
    (pa.month_day_nano_interval(), st.tuples(SMALL, SMALL, SMALL)),
    (pa.decimal128(12, 3), st.decimals(-999, 999, places=3)),
    (pa.decimal256(50, 3), st.decimals(-999, 999, places=3)),
    *(
        (getattr(pa, name)(width, 2), st.decimals(-99, 99, places=2))
        for name, width in (("decimal32", 9), ("decimal64", 18))
        if hasattr(pa, name)
    ),
]


def nested(inner):
    """Types made of other types, with what their values are made of."""

    def lists(pair):
        kind, item = pair
        items = st.lists(st.none() | item, max_size=3)
        two = st.lists(st.none() | item, min_size=2, max_size=2)
        makers = [(pa.list_, items), (pa.large_list, items), (lambda k: pa.list_(k, 2), two)]
        if not pa.types.is_nested(kind):
            makers += [(pa.list_view, items), (pa.large_list_view, items)]
        make, values = st.sampled_from(range(len(makers))), makers
        return make.map(lambda i: (values[i][0](kind), values[i][1]))

    def struct(pairs):
        fields = [pa.field(f"f{i}", kind, metadata={"m": str(i)} if i else None) for i, (kind, _) in enumerate(pairs)]
        return pa.struct(fields), st.fixed_dictionaries(
            {f"f{i}": st.none() | item for i, (_, item) in enumerate(pairs)}
        )

    def mapping(pair):
        return pa.map_(pa.string(), pair[0]), st.lists(st.tuples(TEXT, st.none() | pair[1]), max_size=3)

    return inner.flatmap(lists) | st.lists(inner, min_size=1, max_size=3).map(struct) | inner.map(mapping)


TYPES = st.recursive(st.sampled_from(FLAT), nested, max_leaves=4)


class Meters(pa.ExtensionType):
    """An extension type that this process has registered."""

    def __init__(self):
        super().__init__(pa.int64(), "vineyard.test.meters")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type, serialized):
        return cls()


@pytest.fixture(scope="module", autouse=True)
def registered():
    pa.register_extension_type(Meters())
    yield
    pa.unregister_extension_type("vineyard.test.meters")


@st.composite
def plain_arrays(draw, size=None, pair=None):
    kind, item = pair or draw(TYPES)
    size = draw(st.integers(0, 8)) if size is None else size
    # A struct or a null inside of a fixed-size list makes arrays that pyarrow's own validation refuses.
    return pa.array(draw(st.lists(st.none() | item, min_size=size, max_size=size)), kind)


@st.composite
def made_arrays(draw, size):
    """Arrays of the layouts that are made of other arrays."""
    a, b = draw(plain_arrays(size)), draw(plain_arrays(size))
    kind = draw(st.sampled_from(["dictionary", "sparse union", "dense union", "run-end", "extension", "struct"]))
    if kind == "dictionary":
        words = pa.array(draw(st.lists(TEXT, min_size=1, max_size=5, unique=True)))
        codes = draw(st.lists(st.none() | st.integers(0, len(words) - 1), min_size=size, max_size=size))
        return pa.DictionaryArray.from_arrays(
            pa.array(codes, draw(st.sampled_from([pa.int8(), pa.uint16(), pa.int64()]))), words
        )
    if kind == "extension":
        return pa.ExtensionArray.from_storage(
            Meters(), pa.array(draw(st.lists(st.none() | SMALL, min_size=size, max_size=size)), pa.int64())
        )
    if kind == "struct":
        return pa.StructArray.from_arrays(
            [a, b], ["a", "b"], mask=pa.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), pa.bool_())
        )
    if kind == "run-end":
        ends = pa.array(range(2, 2 * size + 1, 2), draw(st.sampled_from([pa.int16(), pa.int32(), pa.int64()])))
        return pa.RunEndEncodedArray.from_arrays(ends, a)
    which = pa.array(draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)), pa.int8())
    if kind == "sparse union":
        return pa.UnionArray.from_sparse(which, [a, b], ["a", "b"])
    return pa.UnionArray.from_dense(which, pa.array(range(size), pa.int32()), [a, b], ["a", "b"])


ARRAYS = plain_arrays() | st.integers(0, 6).flatmap(made_arrays)


@st.composite
def sliced(draw, arrays):
    array = draw(arrays)
    start = draw(st.integers(0, len(array)))
    return array.slice(start, draw(st.none() | st.integers(0, len(array) - start)))


def assert_same(found, value):
    """Type with all metadata, and values; and nothing was copied to get it."""
    found.validate(full=True)
    assert type(found) is type(value)
    assert found.type.equals(value.type, check_metadata=True)
    assert len(found) == len(value)
    assert found.null_count == value.null_count
    assert found.to_pylist() == value.to_pylist()
    assert set(places(found)) <= {"r--s"}


@examples(150)
@given(sliced(ARRAYS))
def test_an_array_comes_back_as_a_view(client, array):
    assert_same(back(client, array), array)


@st.composite
def chunked(draw):
    pair = draw(TYPES)
    chunks = [draw(sliced(plain_arrays(pair=pair))) for _ in range(draw(st.integers(0, 3)))]
    return pa.chunked_array(chunks, pair[0])


@examples(60)
@given(chunked())
def test_a_chunked_array_comes_back_with_its_chunks(client, array):
    found = back(client, array)
    assert_same(found, array)
    assert [len(c) for c in found.chunks] == [len(c) for c in array.chunks]


METADATA = st.none() | st.dictionaries(TEXT.map(str.encode), BYTES, min_size=1, max_size=3)


@st.composite
def tables(draw):
    pairs = draw(st.lists(TYPES, max_size=4))
    fields = [pa.field(draw(TEXT), kind, True, draw(METADATA)) for kind, _ in pairs]
    schema = pa.schema(fields, draw(METADATA))
    rows = draw(st.lists(st.integers(0, 5), max_size=3))
    batches = [
        pa.record_batch([draw(plain_arrays(n, p)) for p in pairs], schema=schema) if pairs else None for n in rows
    ]
    return pa.Table.from_batches([b for b in batches if b is not None], schema)


def assert_same_table(found, table):
    found.validate(full=True)
    assert type(found) is type(table)
    assert found.schema.equals(table.schema, check_metadata=True)
    assert [f.nullable for f in found.schema] == [f.nullable for f in table.schema]
    assert found.num_rows == table.num_rows
    assert [c.to_pylist() for c in found.columns] == [c.to_pylist() for c in table.columns]
    assert set(places(found)) <= {"r--s"}


@examples(80)
@given(tables())
def test_a_table_comes_back_with_its_metadata(client, table):
    assert_same_table(back(client, table), table)
    for batch in table.to_batches():
        assert_same_table(back(client, batch), batch)
    assert back(client, table.schema).equals(table.schema, check_metadata=True)


@examples(40)
@given(tables(), st.integers(0, 4), st.integers(0, 4))
def test_a_slice_of_a_table_comes_back(client, table, start, length):
    part = table.slice(start, length)
    assert_same_table(back(client, part), part)


def test_fields_that_allow_no_null_come_back_so(client):
    schema = pa.schema(
        [pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.list_(pa.field("x", pa.int8(), nullable=False)))]
    )
    table = pa.table({"a": [1, 2], "b": [[1], []]}, schema=schema)
    assert_same_table(back(client, table), table)


@examples(60)
@given(TYPES.flatmap(lambda pair: st.tuples(st.just(pair[0]), st.none() | pair[1])))
def test_a_scalar_comes_back(client, pair):
    scalar = pa.scalar(pair[1], pair[0])
    found = back(client, scalar)
    assert type(found) is type(scalar)
    assert found.type.equals(scalar.type, check_metadata=True)
    assert found.as_py() == scalar.as_py()


UNFIT = [pl.Object, pl.Null]


@examples(80)
@given(series(max_size=6, excluded_dtypes=UNFIT, allow_time_zones=True))
def test_a_polars_series_comes_back(client, value):
    found = back(client, value)
    assert type(found) is pl.Series
    assert found.dtype == value.dtype
    assert_series_equal(found, value)


@examples(60)
@given(dataframes(max_cols=4, max_size=6, excluded_dtypes=UNFIT))
def test_a_polars_frame_comes_back(client, value):
    found = back(client, value)
    assert type(found) is pl.DataFrame
    assert found.schema == value.schema
    assert_frame_equal(found, value)
