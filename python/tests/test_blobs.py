# SPDX-License-Identifier: Apache-2.0
"""Blobs and their builders."""

import array
import io
import pickle

import numpy as np
import pytest

import vineyard


@pytest.mark.parametrize("value", [b"", b"x", b"Hello, World!", bytes(range(256)) * 1000], ids=len)
def test_bytes_come_back_as_a_blob_that_equals_them(client, value):
    blob = client.get(client.put(value))
    assert isinstance(blob, vineyard.Blob)
    assert blob == value
    assert value == blob
    assert bytes(blob) == blob.tobytes() == value
    assert len(blob) == blob.length == blob.size == blob.nbytes == len(value)
    assert hash(blob) == hash(value)
    assert not blob != value
    assert blob != value + b"x"
    assert blob != "text"


def test_a_blob_prints_as_the_examples_say(client, capsys):
    blob = client.get(client.put(b"Hello, World!"))
    print(blob.typename, blob.length, blob)
    assert capsys.readouterr().out == "vineyard::Blob 13 Hello, World!\n"
    assert str(client.get(client.put(b"\xff"))) == "b'\\xff'"


def test_a_blob_exports_a_read_only_buffer_of_bytes(client):
    blob = client.get(client.put(b"abc"))
    view = memoryview(blob)
    assert (view.format, view.itemsize, view.readonly, view.obj) == ("B", 1, True, blob)
    assert blob.buffer == b"abc"
    with pytest.raises(TypeError):
        view[0] = 1
    with pytest.raises((BufferError, TypeError)):
        io.BytesIO(b"xyz").readinto(blob)


def test_parts_of_a_blob_are_views(client):
    blob = client.get(client.put(b"0123456789"))
    assert blob[0] == ord("0")
    assert blob[-1] == ord("9")
    assert blob[2:5] == b"234"
    assert blob[2:5][1:] == b"34"
    assert blob[5:2] == b""
    assert bytes(blob[::2]) == b"02468"
    assert list(blob[:3]) == [48, 49, 50]
    with pytest.raises(IndexError):
        blob[10]
    with pytest.raises(TypeError):
        blob["x"]
    with pytest.raises(TypeError, match="no id of its own"):
        _ = blob[1:3].id


def test_a_blob_survives_pickling_as_its_bytes(client):
    blob = client.get(client.put(b"abc" * 1000))
    for protocol in (2, 4, 5):
        assert pickle.loads(pickle.dumps(blob, protocol)) == blob
    buffers = []
    data = pickle.dumps(blob, 5, buffer_callback=buffers.append)
    assert len(data) < 500
    assert pickle.loads(data, buffers=buffers) == blob


@pytest.mark.parametrize(
    "value",
    [memoryview(b"abcdef")[1:], memoryview(b"abcdef")[::2], memoryview(array.array("d", [1, 2])), memoryview(bytearray(9))],
    ids=["part", "strided", "doubles", "writable"],
)
def test_a_memoryview_is_a_blob_of_its_bytes(client, value):
    assert client.get(client.put(value)) == value.tobytes()


def test_a_blob_that_is_put_again_is_the_same_blob(client):
    object_id = client.put(b"abc")
    assert client.put(client.get(object_id)) == object_id
    part = client.put(client.get(object_id)[1:])
    assert part != object_id
    assert client.get(part) == b"bc"


def test_a_blob_inside_a_tuple_is_a_member(client):
    object_id = client.put(b"abc")
    both = client.put((client.get(object_id), 1))
    client.delete(object_id)
    assert client.get(both) == (b"abc", 1)


def test_a_builder_makes_a_blob(client):
    builder = client.create_blob(13)
    assert len(builder) == builder.size == 13
    builder.copy(0, b"Hello, ")
    with memoryview(builder) as view:
        assert not view.readonly
        view[7:] = b"World!"
    blob = builder.seal(client)
    assert blob == b"Hello, World!"
    assert client.get(blob.id) == blob
    with pytest.raises(vineyard.errors.AssertionFailedException):
        builder.copy(0, b"x")
    with pytest.raises(BufferError):
        memoryview(builder)


def test_a_builder_knows_its_id_before_it_is_sealed(client):
    builder = client.create_blob(3)
    object_id = builder.id
    with pytest.raises(vineyard.errors.ObjectNotExistsException):
        client.get(object_id)
    with pytest.raises(vineyard.ObjectNotSealedException):
        client.get_blob(object_id)
    builder.copy(0, b"abc")
    assert bytes(client.get_blob(object_id, unsafe=True)) == b"abc"
    assert builder.seal(client).id == object_id
    assert client.get(object_id) == b"abc"


def test_buffers_of_a_sealed_builder_cannot_change_the_blob(client):
    builder = client.create_blob(1000)
    array_ = np.frombuffer(builder, np.uint8)
    array_[:] = 1
    blob = builder.seal(client)
    array_[:] = 2
    assert blob == b"\x01" * 1000
    assert array_.sum() == 2000


def test_a_copy_outside_a_builder_is_refused(client):
    builder = client.create_blob(3)
    for offset, data in ((0, b"abcd"), (3, b"x"), (2**63, b"x")):
        with pytest.raises(vineyard.errors.AssertionFailedException):
            builder.copy(offset, data)
    builder.abort(client)


def test_an_aborted_builder_leaves_nothing(client):
    blobs = client.status.json["objects"]["blobs"]
    builder = client.create_blob(3)
    builder.abort(client)
    with pytest.raises(vineyard.errors.AssertionFailedException):
        builder.seal(client)
    client.create_blob(3)
    assert client.status.json["objects"]["blobs"] == blobs


def test_many_builders_and_empty_blobs(client):
    builders = client.create_blob([1, 0, 2])
    assert [len(b.seal(client)) for b in builders] == [1, 0, 2]
    empty = client.create_empty_blob()
    assert repr(empty.id) == "o8000000000000000"
    assert client.get(empty.id) == b""
    assert client.get(client.put(b"")) == b""


def test_get_blob_gives_none_for_what_is_no_blob(client):
    blob_id = client.put(b"abc")
    assert client.get_blob(blob_id) == b"abc"
    assert client.get_blob(client.put([1])) is None
    assert client.get_blob(vineyard.ObjectID(12345 | 2**63)) is None
    assert client.get_blobs([blob_id])[0] == b"abc"


def test_memory_copy_checks_its_bounds():
    target = bytearray(5)
    vineyard.memory_copy(target, b"ab", 1)
    assert target == b"\0ab\0\0"
    with pytest.raises(vineyard.errors.AssertionFailedException):
        vineyard.memory_copy(target, b"abc", offset=3)
    with pytest.raises(TypeError):
        vineyard.memory_copy(b"abc", b"x")




@pytest.mark.parametrize("writable", [lambda b: np.ndarray((8,), "u1", memoryview(b)), lambda b: np.ndarray((8,), "u1", b),
                                      lambda b: np.ndarray((8,), "u1", b.buffer), lambda b: np.frombuffer(b, "u1")])  # fmt: skip
def test_no_array_over_a_builder_reaches_what_was_sealed(client, writable):
    builder = client.create_blob(8)
    array = writable(builder)
    array[:] = 1
    blob = builder.seal(client)
    array[:] = 2
    assert bytes(blob) == b"\1" * 8


def test_bytes_of_a_builder_are_read_and_set(client):
    builder = client.create_blob(4)
    builder[0], builder[-1] = 7, 255
    assert (builder[0], builder[3], builder.issealed) == (7, 255, False)
    with pytest.raises(IndexError):
        builder[4] = 1
    builder.seal(client)
    assert builder.issealed
    with pytest.raises(vineyard.AssertionFailedException):
        builder[0] = 1


def test_a_field_of_a_builder_is_a_field_of_its_blob(client):
    builder = client.create_blob(3)
    builder["k"], builder["n"], builder["x"], builder[0] = "v", 7, 0.5, 1
    builder["n"] = 8
    with pytest.raises(TypeError, match="a field of a blob is a text or a number, not list"):
        builder["l"] = []
    blob = builder.seal(client)
    meta = client.get_meta(blob.id)
    assert (meta["k"], meta["n"], meta["x"], "k" in meta, "l" in meta) == ("v", 8, 0.5, True, False)
    assert {"k", "n", "x", "length"} <= set(meta.keys()) and ("k", "v") in meta.items()
    assert client.get_meta(client.put(b"bare")).get("k") is None
    with pytest.raises(vineyard.AssertionFailedException):
        builder["late"] = "v"
    client.delete(blob.id)
    assert client.list_names("vineyard.labels*", limit=100) == {}
    with pytest.raises(TypeError, match="the empty blob has no fields"):
        client.create_blob(0)["k"] = "v"


def test_a_builder_copies_from_an_address_and_shrinks(client):
    source = np.arange(8, dtype="u1")
    builder = client.create_blob(16)
    builder.copy(0, source.ctypes.data, 8, concurrency=2)
    with pytest.raises(TypeError, match="size"):
        builder.copy(0, source.ctypes.data)
    with memoryview(builder), pytest.raises(vineyard.AssertionFailedException):
        builder.shrink(client, 8)
    builder.shrink(client, 8)
    with pytest.raises(vineyard.AssertionFailedException):
        builder.shrink(client, 9)
    assert len(builder) == 8
    assert builder.seal(client) == source.tobytes()


def test_memory_copy_takes_addresses(client):
    source, target = np.arange(4, dtype="u1"), np.zeros(6, "u1")
    vineyard.memory_copy(target.ctypes.data, 6, source.ctypes.data, 4, 1)
    assert target.tolist() == [0, 0, 1, 2, 3, 0]
    vineyard.memory_copy(target, src=source.ctypes.data, src_size=4, offset=2)
    assert target.tolist() == [0, 0, 0, 1, 2, 3]
    with pytest.raises(vineyard.AssertionFailedException):
        vineyard.memory_copy(target.ctypes.data, 6, source, 3)
