# SPDX-License-Identifier: Apache-2.0
"""Ids, names, objects and metadata."""

import copy
import json
import pickle
import time

import numpy as np
import pytest

import vineyard
from vineyard import ObjectID, ObjectMeta, ObjectName, errors


def test_an_id_is_text_and_number():
    object_id = ObjectID("o000000000000002a")
    assert repr(object_id) == "o000000000000002a"
    assert str(object_id) == 'ObjectID <"o000000000000002a">'
    assert int(object_id) == 42
    assert ObjectID(repr(object_id)) == ObjectID(42) == ObjectID(object_id) == ObjectID("000000000000002a") == object_id
    assert ObjectID(id=42) == object_id
    assert int(ObjectID()) == 2**64 - 1
    assert object_id != 42
    assert object_id not in ["x", None, 42]
    assert {object_id: 1}[ObjectID(42)] == 1
    assert pickle.loads(pickle.dumps(object_id)) == object_id
    assert object_id.uri == "vineyard://o000000000000002a"
    assert ObjectID.from_uri(object_id.uri) == object_id
    assert ObjectID(1) < ObjectID(2)


@pytest.mark.parametrize(
    ("value", "error"),
    [("nonsense", ValueError), ("o12", ValueError), (-1, TypeError), (2**64, TypeError), (1.5, TypeError), (None, TypeError)],
)
def test_what_is_no_id_is_refused(value, error):
    with pytest.raises(error):
        ObjectID(value)


def test_a_name_acts_like_its_text():
    name = ObjectName("n")
    assert name == "n"
    assert repr(name) == "'n'"
    assert hash(name) == hash("n")
    assert ObjectName.from_uri(name.uri) == name
    assert pickle.loads(pickle.dumps(name)) == name


def draft(client):
    meta = ObjectMeta()
    meta["typename"] = "my::Point"
    meta["text"] = "ü"
    meta["int"] = -5
    meta["large"] = 2**64 - 1
    meta["float"] = 0.1
    meta["yes"] = True
    meta["nothing"] = None
    meta["list"] = [1, 2]
    meta["dict"] = {"b": 1, "a": [True, None]}
    meta["array"] = np.arange(3)
    meta.add_member("values", client.put(np.arange(10)))
    meta.add_member("blob", client.get(client.put(b"abc")))
    return meta


def test_metadata_becomes_an_object_and_comes_back(client):
    meta = draft(client)
    assert client.create_metadata(meta) is meta
    back = client.get_meta(meta.id)
    assert back.id == meta.id
    assert back["id"] == repr(meta.id)
    assert back.typename == back["typename"] == "my::Point"
    assert back["text"] == "ü"
    assert (back["int"], back["large"], back["float"]) == (-5, 2**64 - 1, 0.1)
    assert back["yes"] is True
    assert back["nothing"] is None
    assert (back["list"], back["dict"], back["array"]) == ("[1,2]", '{"a":[true,null],"b":1}', "[0,1,2]")
    assert isinstance(back["values"], ObjectMeta)
    assert back["values"].typename == "vineyard::Tensor<int64>"
    assert client.get(back.member("values").id).tolist() == list(range(10))
    assert back.member("blob") == b"abc"
    assert back["blob"]["length"] == 3
    assert back.get("absent") is None
    assert back.get("absent", 7) == 7
    assert back.member("absent") is None
    with pytest.raises(KeyError):
        back["absent"]
    with pytest.raises(RuntimeError):
        back.member("text")
    assert "text" in back
    assert "absent" not in back
    assert list(back) == sorted(back.keys())
    assert back.islocal
    assert not back.isglobal
    assert back.instance_id == client.instance_id
    assert back.meta is back


def test_an_unknown_type_comes_back_as_an_object(client):
    meta = client.create_metadata(draft(client))
    obj = client.get(meta.id)
    assert isinstance(obj, vineyard.Object)
    assert obj.typename == "my::Point"
    assert obj.id == meta.id
    assert obj.member("blob") == b"abc"
    assert obj.blob == b"abc"
    assert obj.values.size() == 10
    assert obj.meta["int"] == -5
    with pytest.raises(AttributeError, match="has no member 'absent'"):
        _ = obj.absent


def test_members_that_are_plain_values_are_no_attributes(client):
    obj = client.get_object(client.create_metadata(draft(client)).id)
    assert not hasattr(obj, "text")


def test_metadata_can_be_copied_item_by_item(client):
    source = client.get_meta(client.create_metadata(draft(client)).id)
    target = ObjectMeta()
    for key, value in source.items():
        if key in ("id", "signature", "instance_id"):
            continue
        if isinstance(value, ObjectMeta):
            target.add_member(key, value)
        else:
            target[key] = value
    client.create_metadata(target)
    assert target.id != source.id
    back = client.get_meta(target.id)
    for key in ("text", "list", "typename", "float"):
        assert back[key] == source[key]
    assert back.member("blob") == b"abc"
    assert client.get(back.member("values").id).tolist() == list(range(10))


def test_a_tensor_copied_item_by_item_is_a_tensor(client):
    source = client.get_meta(client.put(np.arange(12.0).reshape(3, 4)))
    target = ObjectMeta()
    for key, value in source.items():
        if isinstance(value, ObjectMeta):
            target.add_member(key, value)
        elif key not in ("id", "signature", "instance_id"):
            target[key] = value
    np.testing.assert_array_equal(client.get(client.create_metadata(target).id), np.arange(12.0).reshape(3, 4))


def test_inline_members_get_an_id_when_asked(client):
    obj = client.get_object(client.put((np.arange(5), "text")))
    first = obj.first
    assert first.typename == "vineyard::Tensor<int64>"
    assert first.size() == 5
    assert obj.member("__elements_-0").meta["shape_"] == "[5]"
    assert obj.size() == 2
    object_id = first.id
    assert object_id == first.id
    client.delete(obj.id)
    np.testing.assert_array_equal(client.get(object_id), np.arange(5))
    assert obj.second.meta["value_"] == "text"


def test_an_object_says_when_it_was_made(client):
    before = time.time() * 1000 - 50  # the clock behind it ticks every few milliseconds
    meta = client.get_meta(client.put((np.arange(100_000), b"bytes")))
    made = meta.timestamp
    assert before <= made <= time.time() * 1000
    assert meta["__timestamp"] == made
    assert meta["__elements_-0"].timestamp == made, "a part is as old as the whole"
    blob = client.put(b"bytes")
    assert before <= client.get_meta(blob).timestamp <= time.time() * 1000
    assert client.get_meta(client.create_empty_blob().id).timestamp == ObjectMeta().timestamp == 0
    client.delete(meta.id)
    assert meta.timestamp == made, "it is viewed, so it stays"
    again = client.get_meta(client.put([1]))
    client.delete(again.id)
    assert client.get_meta(blob).timestamp <= again.timestamp


def test_a_pair_of_objects_refers_to_them(client):
    one, two = client.put(np.arange(3)), client.put("two")
    pair = client.put((client.get_object(one), two))
    assert client.get_object(pair).first.id == one
    assert client.get_object(pair).second.id == two
    back = client.get(pair)
    assert back[0].tolist() == [0, 1, 2]
    assert back[1] == "two"


def test_collections_by_hand(client):
    meta = ObjectMeta()
    meta["typename"] = "my::Collection"
    meta["partitions_-size"] = 2
    for i in range(2):
        meta.add_member(f"partitions_-{i}", client.put([i]))
    meta.set_global(True)
    client.create_metadata(meta)
    back = client.get_meta(meta.id)
    assert back.isglobal
    assert [client.get(back[f"partitions_-{i}"].id) for i in range(int(back["partitions_-size"]))] == [[0], [1]]


def test_drafts_inside_drafts_become_inline_members(client):
    inner = ObjectMeta()
    inner["typename"] = "my::Inner"
    inner["x"] = 1
    outer = ObjectMeta()
    outer["typename"] = "my::Outer"
    outer.add_member("inner", inner)
    outer["other"] = inner
    back = client.get_meta(client.create_metadata(outer).id)
    assert back["inner"]["x"] == 1
    assert back["other"].typename == "my::Inner"


def test_mistakes_in_metadata_are_refused(client):
    meta = ObjectMeta()
    with pytest.raises(RuntimeError, match="no id yet"):
        _ = meta.id
    with pytest.raises(errors.MetaTreeInvalidException):
        client.create_metadata(meta)
    meta["typename"] = "vineyard::Blob"
    with pytest.raises(errors.AssertionFailedException):
        client.create_metadata(meta)
    meta["typename"] = "my::T"
    for value in (object(), 2**64, [object()], {1: 2}, b"bytes"):
        with pytest.raises(TypeError):
            meta["x"] = value
    meta["x"] = 1
    with pytest.raises(RuntimeError, match="there already"):
        meta.add_member("x", client.put(1))
    with pytest.raises(TypeError):
        meta.add_member("y", 5)
    meta.add_member("gone", ObjectID(12345))
    with pytest.raises(errors.MetaTreeSubtreeNotExistsException):
        client.create_metadata(meta)
    meta.reset_key("gone")
    meta.reset_key("gone")
    client.create_metadata(meta)
    with pytest.raises(TypeError):
        client.create_metadata("text")


def test_new_metadata_has_only_the_mark_of_a_local_object():
    assert list(ObjectMeta()) == ["global"]
    assert ObjectMeta(True, "ignored", more=1).isglobal


def test_metadata_prints_as_json_and_copies(client):
    meta = client.get_meta(client.put((1, "x")))
    tree = json.loads(repr(meta))
    assert tree["__elements_-1"]["value_"] == "x"
    assert str(meta) == "ObjectMeta " + repr(meta)
    assert copy.copy(meta)["size_"] == 2
    again = pickle.loads(pickle.dumps(meta))
    assert again.id == meta.id
    assert again.typename == meta.typename
    assert again["size_"] == 2


def test_memory_usage_counts_each_blob_once(client):
    big = client.put(np.zeros(1000))
    meta = client.get_meta(client.put((client.get_object(big), client.get_object(big), b"x")))
    assert meta.memory_usage == 8000
    assert meta.memory_usage_details()["summary"] == 8000
    assert client.allocated_size(big) == 8000
    blob_id = client.put(b"abc")
    assert client.allocated_size(blob_id) == 3


def test_get_buffer_gives_only_blobs_of_the_object(client):
    blob = client.put(b"abc")
    meta = ObjectMeta()
    meta["typename"] = "my::T"
    meta.add_member("b", blob)
    client.create_metadata(meta)
    assert client.get_meta(meta.id).get_buffer(blob) == b"abc"
    with pytest.raises(errors.ObjectNotExistsException):
        client.get_meta(meta.id).get_buffer(client.put(b"other"))


def test_a_shallow_copy_shares_members(client):
    source = client.put(np.arange(4))
    copied = client.shallow_copy(source, {"note": "mine"})
    assert copied != source
    client.delete(source)
    assert client.get(copied).tolist() == [0, 1, 2, 3]
    assert client.get_meta(copied)["note"] == "mine"


def test_every_id_argument_takes_what_has_an_id(client):
    object_id = client.put([1, 2])
    obj = client.get_object(object_id)
    for form in (object_id, int(object_id), repr(object_id), obj, obj.meta, client.create_metadata(client.get_meta(object_id))):
        assert client.exists(form)
        assert client.get_meta(form)["size_"] == 2
        assert client.get(form) == [1, 2]
    for wrong in (None, 1.5, [object_id]):
        with pytest.raises((TypeError, ValueError)):
            client.get_meta(wrong)


def test_lists_by_type(client):
    ids = [client.put(np.arange(i)) for i in range(1, 8)]
    client.put("text")
    assert len(client.list_objects("vineyard::Tensor*")) == 5
    assert [o.id for o in client.list_objects("vineyard::Tensor*", limit=100)] == ids
    assert client.list_objects(r"vineyard::Scalar<std::string>", limit=9)[0].meta["value_"] == "text"
    assert len(client.list_metadatas(r"vineyard::(Tensor<int64>|Scalar.*)", regex=True, limit=100)) == 8
    assert client.list_metadatas("no::Such*") == []
    assert len(client.list_objects("vineyard::Blob", limit=100)) == 7
    assert [type(o) for o in client.list_objects("*", limit=100)].count(vineyard.Blob) == 7


def test_get_metas_and_get_objects(client):
    ids = [client.put([i]) for i in range(3)]
    assert [m.id for m in client.get_metas(ids)] == ids
    assert [o.id for o in client.get_objects(ids)] == ids
    with pytest.raises(errors.ObjectNotExistsException):
        client.get_objects([*ids, ObjectID(99)])
