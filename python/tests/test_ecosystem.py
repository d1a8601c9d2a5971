# SPDX-License-Identifier: Apache-2.0
"""Objects and foreign values by the protocols of arrays and tables."""

import array
import ctypes
import gc
import mmap
from types import SimpleNamespace

import duckdb
import nanoarrow as na
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import vineyard


@pytest.fixture
def small(own_daemon):
    """A client of a daemon whose memory is soon used anew."""
    return vineyard.connect(own_daemon.socket)


def use_memory_anew(client):
    """Deletes everything, and writes more than the daemon has."""
    client.clear()
    gc.collect()
    for i in range(400):
        client.delete(client.put(np.full(100_000, -i - 1)))


def object_of(client, value):
    return client.get_object(client.put(value))


def address_of(array):
    return array.__array_interface__["data"][0]


class ArrowStream:
    """A class of one's own, with nothing but a stream."""

    def __init__(self, data):
        self.data = data

    def __arrow_c_stream__(self, requested_schema=None):
        return self.data.__arrow_c_stream__(requested_schema)


class ArrowArray:
    def __init__(self, data):
        self.data = data

    def __arrow_c_array__(self, requested_schema=None):
        return self.data.__arrow_c_array__(requested_schema)


class Tensor:
    def __init__(self, data):
        self.data = data

    def __dlpack__(self, **keywords):
        return self.data.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.data.__dlpack_device__()


class OnDevice(Tensor):
    def __dlpack_device__(self):
        return 2, 0


class Interface:
    def __init__(self, data):
        self.data = data

    @property
    def __array_interface__(self):
        return self.data.__array_interface__


class Failing:
    def __arrow_c_stream__(self, requested_schema=None):
        raise ValueError("there is nothing to stream")

    def __reduce__(self):
        raise TypeError("not to be pickled")


# ---- out: tensors


@pytest.mark.parametrize("dtype", ["f8", "i2", "?", "c16", ">i4", "M8[ns]", "S3", "U2", [("a", "i4"), ("b", "f8")]])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_tensor_is_an_array_and_a_buffer_without_a_copy(client, dtype, order):
    value = np.asarray(np.arange(12).astype("S3" if dtype == "S3" else "i8").reshape(3, 4)).astype(dtype, order=order)
    obj = object_of(client, value)
    seen = np.asarray(obj)
    assert seen.dtype == value.dtype and seen.shape == value.shape and (seen == value).all()
    assert not seen.flags.writeable and not seen.flags.owndata
    if np.dtype(dtype).kind not in "M":  # no buffer format says a date
        view = memoryview(obj)
        assert view.readonly and view.shape == (3, 4) and view.tobytes() == value.tobytes()


def test_an_array_of_an_object_is_pinned(small):
    obj = object_of(small, np.arange(100_000))
    view, seen = memoryview(obj), np.asarray(obj)
    del obj
    use_memory_anew(small)
    assert (seen == np.arange(100_000)).all() and view[99_999] == 99_999


def test_array_takes_dtype_and_copy(client):
    obj = object_of(client, np.arange(5))
    assert np.array(obj, copy=True).flags.writeable
    assert np.asarray(obj, "f4").dtype == np.float32
    assert obj.__array__("f8").tolist() == [0, 1, 2, 3, 4]
    assert address_of(obj.__array__(copy=False)) == address_of(np.asarray(obj))
    with pytest.raises(ValueError):
        obj.__array__("f4", copy=False)


@pytest.mark.parametrize("order", ["C", "F"])
def test_array_interface_is_read_only_and_pinned(small, order):
    value = np.arange(100_000).reshape(10, -1).astype("i8", order=order)
    obj = object_of(small, value)
    seen = np.asarray(Interface(SimpleNamespace(__array_interface__=obj.__array_interface__)))  # keeps nothing else
    del obj
    use_memory_anew(small)
    assert (seen == value).all() and not seen.flags.writeable and not seen.flags.owndata
    assert np.asarray(Interface(object_of(small, np.zeros((0, 3))))).shape == (0, 3)


def test_dlpack_is_read_only_without_a_copy(client):
    obj = object_of(client, np.arange(6.0).reshape(2, 3))
    assert obj.__dlpack_device__() == (1, 0)
    seen = np.from_dlpack(obj)
    assert seen.tolist() == [[0, 1, 2], [3, 4, 5]] and not seen.flags.writeable
    assert address_of(seen) == address_of(np.asarray(obj))
    assert 'dltensor_versioned"' in repr(obj.__dlpack__(max_version=(1, 0)))
    assert address_of(np.from_dlpack(obj, copy=True)) != address_of(seen)


def test_a_consumer_of_old_dlpack_gets_a_copy(client):
    obj = object_of(client, np.arange(6.0))
    assert 'dltensor"' in repr(obj.__dlpack__())
    with pytest.raises(BufferError, match="max_version"):
        obj.__dlpack__(copy=False)
    with pytest.raises(BufferError, match="on device"):
        obj.__dlpack__(dl_device=(2, 0))


def test_dlpack_keeps_the_object(small):
    seen = np.from_dlpack(object_of(small, np.arange(100_000)))
    use_memory_anew(small)
    assert (seen == np.arange(100_000)).all()


def test_a_blob_is_a_tensor_of_bytes(client):
    blob = client.get(client.put(b"abc"))
    assert np.from_dlpack(blob).tolist() == [97, 98, 99] and not np.from_dlpack(blob).flags.writeable


def test_other_objects_offer_no_array(client):
    obj = object_of(client, [1, 2])
    for name in ("__array__", "__array_interface__", "__dlpack__", "__dlpack_device__", "__arrow_c_array__"):
        assert not hasattr(obj, name), name
    with pytest.raises(BufferError, match="vineyard::Sequence"):
        memoryview(obj)
    assert client.get(client.put(b"x")) != obj


# ---- out: Arrow

TABLE = pa.table({"n": [1, 2, None], "s": ["a", None, "c"], "l": [[1], [], None]})


def test_a_table_goes_to_every_consumer(client):
    obj = object_of(client, TABLE)
    assert pa.table(obj).equals(TABLE)
    assert pl.DataFrame(obj).to_dict(as_series=False) == TABLE.to_pydict()
    assert na.ArrayStream(obj).read_all().to_pylist() == TABLE.to_pylist()
    assert duckdb.sql("select sum(n), max(s) from obj").fetchall() == [(3, "c")]
    assert pa.schema(obj) == TABLE.schema
    assert na.c_schema(obj).format == "+s"
    if hasattr(pd.DataFrame, "from_arrow"):
        assert pd.DataFrame.from_arrow(obj)["s"].tolist()[2] == "c"


def test_a_record_batch_is_an_array_and_a_stream(client):
    batch = TABLE.to_batches()[0]
    obj = object_of(client, batch)
    assert pa.record_batch(obj).equals(batch)
    assert pa.table(obj).equals(TABLE)
    assert na.Array(obj).to_pylist() == batch.to_pylist()


def test_arrays_go_to_every_consumer_without_a_copy(client):
    obj = object_of(client, pa.array(range(1000)))
    one, two = pa.array(obj), na.c_array(obj)
    assert one.buffers()[1].address == pa.array(obj).buffers()[1].address == two.buffers[1]
    assert pl.Series(obj).to_list() == list(range(1000))
    assert (np.asarray(obj) == np.arange(1000)).all() and not np.asarray(obj).flags.writeable


def test_frames_and_series_go_to_every_consumer(client):
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]})
    obj = object_of(client, frame)
    assert pl.DataFrame(obj)["b"].to_list() == ["x", "y"]
    assert duckdb.sql("select sum(a) from obj").fetchall() == [(4.0,)]
    assert np.asarray(obj).tolist() == frame.to_numpy().tolist()
    assert np.asarray(object_of(client, frame["a"])).tolist() == [1.5, 2.5]
    assert np.asarray(object_of(client, pd.Index([1, 2]))).tolist() == [1, 2]
    assert pl.DataFrame(object_of(client, pl.DataFrame({"a": [1]}))).to_dict(as_series=False) == {"a": [1]}


def test_chunked_arrays_are_streams(client):
    value = pa.chunked_array([[1, 2], [3]])
    obj = object_of(client, value)
    assert pa.chunked_array(obj).equals(value)
    assert na.ArrayStream(obj).read_all().to_pylist() == [1, 2, 3]


def test_what_arrow_consumers_hold_is_pinned(small):
    obj = object_of(small, pa.table({"a": range(100_000)}))
    table = pa.table(obj)
    del obj
    use_memory_anew(small)
    assert table["a"].to_pylist() == list(range(100_000))


# ---- in


def test_nanoarrow_values_are_put(client):
    assert client.get(client.put(na.Array([1, None, 3], na.int64()))).equals(pa.array([1, None, 3]))
    assert client.get(client.put(na.c_array([1.5], na.float32()))).equals(pa.array([1.5], pa.float32()))
    chunks = na.Array.from_chunks([[1, 2], [3]], na.int32())
    assert client.get(client.put(chunks)).equals(pa.chunked_array([[1, 2], [3]], pa.int32()))
    assert client.get(client.put(na.ArrayStream(TABLE))).equals(TABLE)


def test_a_query_of_duckdb_is_put(client):
    got = client.get(client.put(duckdb.sql("select i, 'x' || i as s from range(3) t(i)")))
    assert got.to_pydict() == {"i": [0, 1, 2], "s": ["x0", "x1", "x2"]}


def test_a_reader_is_put_and_read_once(client):
    reader = pa.RecordBatchReader.from_batches(TABLE.schema, TABLE.to_batches(1))
    assert client.get(client.put(reader)).equals(TABLE)


def test_classes_of_ones_own_are_put(client):
    assert client.get(client.put(ArrowStream(TABLE))).equals(TABLE)
    assert client.get(client.put(ArrowStream(pa.chunked_array([["a"], ["b", None]])))).to_pylist() == ["a", "b", None]
    assert client.get(client.put(ArrowStream(pa.chunked_array([], pa.int8())))).type == pa.int8()
    assert client.get(client.put(ArrowArray(pa.array([1, 2])))).to_pylist() == [1, 2]
    matrix = np.arange(6.0).reshape(2, 3)
    for value in (Tensor(matrix), Interface(matrix), Tensor(np.asfortranarray(matrix))):
        back = client.get(client.put(value))
        assert type(back) is np.ndarray and back.tolist() == matrix.tolist() and not back.flags.writeable


def test_foreign_values_are_put_inside_containers(client):
    back = client.get(client.put({"t": ArrowStream(TABLE), "l": [Tensor(np.arange(3))]}))
    assert back["t"].equals(TABLE) and back["l"][0].tolist() == [0, 1, 2]


def test_a_buffer_is_put(client):
    with mmap.mmap(-1, 4096) as memory:
        memory[:3] = b"abc"
        back = client.get(client.put(memory))
        assert back.dtype == np.uint8 and back[:3].tobytes() == b"abc" and len(back) == 4096


    back = client.get(client.put((ctypes.c_int * 3)(1, 2, 3)))
    assert back.dtype == np.int32 and back.tolist() == [1, 2, 3]


def test_pythons_own_arrays_stay_what_they_are(client):
    value = array.array("d", [1, 2])
    assert client.get(client.put(value)) == value


def test_a_protocol_that_fails_is_named(client):
    with pytest.raises(TypeError, match="there is nothing to stream"):
        client.put(Failing())


def test_what_is_on_a_device_is_not_read_as_memory(client):
    assert client.get(client.put(OnDevice(np.arange(3)))).data.tolist() == [0, 1, 2]  # pickled


def test_a_class_offers_nothing(client):
    assert client.get(client.put(ArrowStream)) is ArrowStream


def test_an_object_of_another_library_is_one_of_ours(client):
    obj = object_of(client, TABLE)
    assert client.get(client.put(ArrowStream(obj))).equals(TABLE)
    assert client.put(obj) == obj.id


def test_libraries_are_not_imported_to_hand_over_a_table(client, run_python):
    object_id = client.put(TABLE)
    code = f"""
import nanoarrow
obj = client.get_object('{object_id!r}')
print(len(nanoarrow.ArrayStream(obj).read_all()), sorted({{'pyarrow', 'pandas', 'polars', 'numpy'}} & set(sys.modules)))
client.put(nanoarrow.Array([1, 2], nanoarrow.int64()))
print(sorted({{'pyarrow', 'pandas', 'polars', 'numpy'}} & set(sys.modules)))
"""
    assert run_python(code) == "3 []\n[]"
