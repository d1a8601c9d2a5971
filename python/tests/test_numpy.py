# SPDX-License-Identifier: Apache-2.0
"""NumPy arrays of every dtype and layout."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import vineyard

RECORD = np.dtype([("a", "i4"), ("b", "f8", (2,)), ("c", "S3"), ("d", [("x", "u1"), ("y", "<U2")])])
ALIGNED = np.dtype({"names": ["a", "b"], "formats": ["u1", "f8"]}, align=True)
ARRAYS = {
    **{code: np.arange(6).astype(code) for code in ("?", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q")},
    **{code: np.linspace(-1, 1, 6).astype(code) for code in ("e", "f", "d", "g", "F", "D", "G")},
    "big endian": np.arange(6, dtype=">i4"),
    "big endian float": np.arange(6, dtype=">f8"),
    "datetime": np.arange("2024-01-01", "2024-01-07", dtype="M8[D]"),
    "datetime ns": np.array(["2024-01-01T00:00:00.123456789", "NaT"], "M8[ns]"),
    "timedelta": np.arange(6, dtype="m8[ms]"),
    "text": np.array(["a", "", "long text", "ü€"]),
    "bytes": np.array([b"a", b"", b"long\0text"]),
    "void": np.array([b"abcd", b"efgh"], "V4"),
    "record": np.zeros(3, RECORD),
    "aligned record": np.ones(3, ALIGNED),
    "0-d": np.array(5.5),
    "0-d text": np.array("x"),
    "empty": np.zeros((0, 3)),
    "empty F": np.zeros((3, 0, 2), order="F"),
    "empty text": np.array([], "U5"),
    "C": np.arange(24.0).reshape(2, 3, 4),
    "F": np.asfortranarray(np.arange(24).reshape(2, 3, 4)),
    "transposed": np.arange(24).reshape(4, 6).T,
    "strided": np.arange(48).reshape(4, 12)[::2, ::3],
    "reversed": np.arange(10)[::-1],
    "broadcast": np.broadcast_to(np.arange(3), (4, 3)),
    "strided record": np.zeros((4, 4), RECORD)[::2, ::2],
    "objects of text": np.array([["a", None], ["", "ü"]], object),
    "objects": np.array([1, "two", None, [3], 4.5], object),
    "empty objects": np.empty((0,), object),
    "matrix": np.matrix([[1, 2], [3, 4]]),
    "recarray": np.rec.array([(1, 2.0)], dtype=[("x", "i4"), ("y", "f8")]),
}
if hasattr(np.dtypes, "StringDType"):
    ARRAYS["strings"] = np.array(["a", "long " * 20, ""], dtype=np.dtypes.StringDType())


def assert_same(back, array):
    assert type(back) is type(array)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    if array.dtype.hasobject:
        assert back.tolist() == array.tolist()
    else:
        np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS.keys())
def test_an_array_comes_back_equal(client, array):
    assert_same(client.get(client.put(array)), array)


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS.keys())
def test_an_array_inside_a_dict_comes_back_equal(client, array):
    assert_same(client.get(client.put({"a": [array, 1]}))["a"][0], array)


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_of_numbers_is_a_read_only_view_in_its_order(client, order):
    back = client.get(client.put(np.ones((30, 40), order=order)))
    assert isinstance(back.base, vineyard.Blob)
    assert not back.flags.writeable
    assert back.flags.c_contiguous == (order == "C")
    assert back.flags.f_contiguous == (order == "F")
    assert back.ctypes.data % 64 == 0
    with pytest.raises(ValueError):
        back[0, 0] = 2
    with pytest.raises(ValueError):
        back.flags.writeable = True


def test_an_array_is_one_document_and_one_blob(client):
    before = client.status.json["objects"]
    client.put(np.ones(1000))
    after = client.status.json["objects"]
    assert after["documents"] - before["documents"] == 1
    assert after["blobs"] - before["blobs"] == 1


def test_a_tuple_of_arrays_is_one_document_and_one_blob(client):
    before = client.status.json["objects"]
    client.put((np.ones(1000), {"x": np.zeros(10)}, [np.arange(3)] * 3))
    after = client.status.json["objects"]
    assert after["documents"] - before["documents"] == 1
    assert after["blobs"] - before["blobs"] == 1


def test_a_view_that_is_put_again_shares_its_bytes(client):
    view = client.get(client.put(np.arange(1_000_000)))
    blobs = client.status.json["objects"]["blobs"]
    again = client.get(client.put(view))
    part = client.get(client.put(view[10:].reshape(2, -1)))
    assert client.status.json["objects"]["blobs"] == blobs
    np.testing.assert_array_equal(again, view)
    np.testing.assert_array_equal(part.ravel(), view[10:])


@pytest.mark.parametrize(
    "value",
    [np.float64(0.1), np.float32(0.1), np.int8(-1), np.uint64(2**64 - 1), np.bool_(True), np.complex64(1j),
     np.datetime64("2024-01-01T00:00:01"), np.timedelta64(5, "ns"), np.str_("x"), np.bytes_(b"y"), np.longdouble(1)],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_a_numpy_scalar_keeps_its_type(client, value):
    back = client.get(client.put(value))
    assert type(back) is type(value)
    assert back == value
    assert back.dtype == value.dtype


@pytest.mark.parametrize("mask", [np.ma.nomask, [0, 1, 0], [1, 1, 1]], ids=["none", "some", "all"])
def test_a_masked_array_keeps_mask_and_fill_value(client, mask):
    array = np.ma.MaskedArray([1.5, 2.5, 3.5], mask, fill_value=-7)
    back = client.get(client.put(array))
    assert type(back) is np.ma.MaskedArray
    assert back.fill_value == -7
    np.testing.assert_array_equal(back.mask, array.mask)
    np.testing.assert_array_equal(back.data, array.data)


def test_an_array_of_another_byte_order_has_a_type_that_others_refuse(client):
    assert client.get_meta(client.put(np.arange(3, dtype=">i4"))).typename == "vineyard::Tensor<big_int32>"


def test_metadata_names_type_and_shape(client):
    meta = client.get_meta(client.put(np.zeros((2, 3), np.float32), partition_index=(1, 2)))
    assert meta.typename == "vineyard::Tensor<float>"
    assert meta["value_type_"] == "float32"
    assert meta["shape_"] == "[2, 3]"
    assert meta["partition_index_"] == "[1, 2]"
    assert meta.nbytes == 24


def test_an_unknown_keyword_is_refused(client):
    with pytest.raises(TypeError, match="no keyword colour"):
        client.put(np.zeros(3), colour="red")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_array_comes_back(client, data):
    dtype = data.draw(hnp.scalar_dtypes() | hnp.array_dtypes(max_size=3))
    array = data.draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=4)))
    if data.draw(st.booleans()):
        array = array.T
    back = client.get(client.put(array))
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()
