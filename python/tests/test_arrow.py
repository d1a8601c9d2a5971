# SPDX-License-Identifier: Apache-2.0
"""pyarrow arrays, record batches and tables of every layout."""

import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import vineyard

VALUES = {
    pa.null(): [None, None, None],
    pa.bool_(): [True, None, False],
    **{t: [1, None, 3] for t in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())},
    pa.float16(): [np.float16(1.5), None, np.float16(2)],
    pa.float32(): [1.5, None, -2.0],
    pa.float64(): [0.1, None, float("inf")],
    pa.date32(): [datetime.date(2024, 1, 1), None, datetime.date(1, 1, 1)],
    pa.date64(): [datetime.date(2024, 1, 1), None, datetime.date(1, 1, 1)],
    pa.time32("ms"): [datetime.time(1, 2, 3), None, datetime.time(0)],
    pa.time64("ns"): [datetime.time(1, 2, 3, 4), None, datetime.time(0)],
    pa.timestamp("s"): [datetime.datetime(2024, 1, 1), None, datetime.datetime(1970, 1, 1)],
    pa.timestamp("ns", "Europe/Berlin"): [datetime.datetime(2024, 1, 1), None, datetime.datetime(1970, 1, 1)],
    pa.duration("us"): [datetime.timedelta(1), None, datetime.timedelta(0, 0, 5)],
    pa.month_day_nano_interval(): [(1, 2, 3), None, (0, 0, 0)],
    pa.decimal128(15, 2): [decimal.Decimal("1.20"), None, decimal.Decimal("-3.00")],
    pa.decimal256(50, 4): [decimal.Decimal("1.2000"), None, decimal.Decimal("-3.0000")],
    pa.string(): ["a", None, "üü"],
    pa.large_string(): ["a", None, "üü"],
    pa.string_view(): ["a", None, "long enough to stand outside of the view"],
    pa.binary(): [b"a", None, b""],
    pa.large_binary(): [b"a", None, b""],
    pa.binary_view(): [b"a", None, b"long enough to stand outside of the view"],
    pa.binary(4): [b"abcd", None, b"efgh"],
    pa.list_(pa.int32()): [[1, None], None, []],
    pa.large_list(pa.string()): [["a"], None, []],
    pa.list_(pa.float32(), 2): [[1, 2], None, [3, 4]],
    pa.list_view(pa.int64()): [[1], None, [2, 3]],
    pa.struct([("x", pa.int8()), ("y", pa.list_(pa.string()))]): [{"x": 1, "y": ["a"]}, None, {"x": None, "y": None}],
    pa.map_(pa.string(), pa.int64()): [[("a", 1)], None, []],
    pa.dictionary(pa.int8(), pa.string()): ["u", None, "v"],
    pa.dictionary(pa.int32(), pa.int64(), ordered=True): [5, None, 7],
}
ARRAYS = {str(t): pa.array(v, t) for t, v in VALUES.items()}
ARRAYS["sparse union"] = pa.UnionArray.from_sparse(pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])])
ARRAYS["dense union"] = pa.UnionArray.from_dense(
    pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32()), [pa.array([1, 2]), pa.array(["x"])], ["n", "t"]
)
ARRAYS["run ends"] = pa.RunEndEncodedArray.from_arrays([2, 3], ["a", "b"])
ARRAYS["empty"] = pa.array([], pa.int64())
ARRAYS["empty text"] = pa.array([], pa.string())
ARRAYS["uuid"] = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16), None], pa.binary(16)))


def assert_same(back, value):
    assert type(back) is type(value)
    back.validate(full=True)
    assert back.equals(value)
    if hasattr(value, "type"):
        assert back.type == value.type
    else:
        assert back.schema.equals(value.schema, check_metadata=True)


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS.keys())
def test_an_array_comes_back_equal(client, array):
    assert_same(client.get(client.put(array)), array)


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS.keys())
def test_a_part_of_an_array_comes_back_equal(client, array):
    longer = pa.concat_arrays([array] * 5) if not pa.types.is_union(array.type) else array
    for part in (longer[1:], longer[1:3], longer[2:2]):
        assert_same(client.get(client.put(part)), part)


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS.keys())
def test_an_array_is_a_column_of_a_table_and_a_batch(client, array):
    batch = pa.RecordBatch.from_arrays([array, array], ["a", "b"])
    assert_same(client.get(client.put(batch)), batch)
    table = pa.Table.from_batches([batch, batch[1:]])
    back = client.get(client.put(table))
    assert_same(back, table)
    if len(array) > 1:  # pyarrow leaves empty chunks out when it exports a table
        assert [c.num_chunks for c in back.columns] == [c.num_chunks for c in table.columns]


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS.keys())
def test_chunked_arrays_come_back_equal(client, array):
    for chunks in ([], [array], [array, array[1:], array[:0]]):
        value = pa.chunked_array(chunks, array.type)
        back = client.get(client.put(value))
        assert_same(back, value)
        assert back.num_chunks == len(chunks)


def test_numbers_are_views_that_keep_their_pin(client):
    import gc

    object_id = client.put(pa.array(np.arange(100_000)))
    array = client.get(object_id)
    part = array.to_numpy()[10:]
    client.delete(object_id)
    del array
    gc.collect()
    for i in range(20):
        client.delete(client.put(np.full(100_000, -i)))
    np.testing.assert_array_equal(part, np.arange(10, 100_000))
    assert not part.flags.writeable


def test_a_table_is_one_document_and_one_blob(client):
    table = pa.table({f"c{i}": pa.array(["x", None, str(i)]) for i in range(30)})
    before = client.status.json["objects"]
    client.put(table)
    after = client.status.json["objects"]
    assert after["documents"] - before["documents"] == 1
    assert after["blobs"] - before["blobs"] == 1


def test_tables_without_rows_columns_or_batches_come_back(client):
    schema = pa.schema([pa.field("a", pa.int32(), False, {"k": "v"}), ("b", pa.string())], {"meta": "data"})
    for table in (schema.empty_table(), pa.table({}), pa.Table.from_batches([], schema)):
        back = client.get(client.put(table))
        assert_same(back, table)
    batch = pa.RecordBatch.from_pylist([], schema)
    assert_same(client.get(client.put(batch)), batch)


def test_schema_metadata_and_nullability_are_kept(client):
    schema = pa.schema([pa.field("a", pa.int32(), False, {"k": "v"})], {"meta": "data"})
    table = pa.table({"a": pa.array([1, 2], pa.int32())}, schema=schema)
    back = client.get(client.put(table))
    assert back.schema.equals(schema, check_metadata=True)
    assert not back.schema.field("a").nullable
    assert back.schema.metadata == {b"meta": b"data"}


def test_keywords_of_a_table_become_fields(client):
    meta = client.get_meta(client.put(pa.table({"a": [1]}), origin="here", rows=1))
    assert meta["origin"] == "here"
    assert meta["rows"] == 1


def test_arrow_values_inside_containers_come_back(client):
    table = pa.table({"a": [1, 2], "b": ["x", None]})
    back = client.get(client.put({"t": table, "l": [table["a"], table["b"].chunk(0)]}))
    assert back["t"].equals(table)
    assert back["l"][0].equals(table["a"])
    assert back["l"][1].equals(table["b"].chunk(0))


def test_a_buffer_is_a_blob(client):
    from vineyard.data.arrow import as_arrow_buffer, buffer_builder

    blob = client.get(client.put(pa.py_buffer(b"abc")))
    assert blob == b"abc"
    assert as_arrow_buffer(blob).to_pybytes() == b"abc"
    assert buffer_builder(client, pa.py_buffer(b"xyz")) == b"xyz"
    assert buffer_builder(client, None) == b""


def test_other_arrow_values_come_back(client):
    for value in (pa.schema([("a", pa.int8())]), pa.field("x", pa.string()), pa.int64(), pa.scalar(5)):
        back = client.get(client.put(value))
        assert type(back) is type(value)
        assert back.equals(value) if hasattr(value, "equals") else back == value


def test_another_process_reads_a_table(client, run_python):
    object_id = client.put(pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]}))
    assert run_python(f"t = client.get('{object_id!r}'); print(t.num_rows, t['b'].to_pylist())") == "3 ['x', None, 'z']"


def test_an_object_offers_arrow_data_to_any_consumer(client):
    obj = client.get_object(client.put(pa.table({"a": [1, 2]})))
    assert pa.table(obj).to_pydict() == {"a": [1, 2]}
    column = client.get_object(client.put(pa.array([1, None])))
    assert pa.array(column).to_pylist() == [1, None]
    assert not hasattr(client.get_object(client.put([1])), "__arrow_c_stream__")


types = st.sampled_from([t for t in VALUES if not pa.types.is_null(t)])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_table_comes_back(client, data):
    rows = data.draw(st.integers(0, 20))
    columns = {}
    for i in range(data.draw(st.integers(1, 4))):
        type_ = data.draw(types)
        picks = data.draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows))
        columns[f"c{i}"] = pa.array([VALUES[type_][p] for p in picks], type_)
    table = pa.table(columns)
    begin = data.draw(st.integers(0, rows))
    table = table[begin : begin + data.draw(st.integers(0, rows))]
    if data.draw(st.booleans()):
        table = pa.concat_tables([table, table])
    assert_same(client.get(client.put(table)), table)


def test_hostile_content_is_found_when_looked_for(client):
    array = vineyard._core._arrow_array(client.get_object(client.put(pa.array(["a", "b"]))))
    array.check_content()


def test_a_tensor_is_refused_with_what_to_do(client):
    tensor = pa.Tensor.from_numpy(np.eye(3))
    with pytest.raises(TypeError, match="put its NumPy array instead"):
        client.put(tensor)
    np.testing.assert_array_equal(client.get(client.put(tensor.to_numpy())), np.eye(3))
