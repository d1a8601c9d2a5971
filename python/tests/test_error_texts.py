# SPDX-License-Identifier: Apache-2.0
"""An error says what was asked, what is, and what to do. Here: what to do."""

import numpy as np
import pytest

import vineyard
from vineyard import errors


def blob_of(client):
    return client.get(client.put(b"abc"))


def twice(client):
    meta = vineyard.ObjectMeta()
    for _ in range(2):
        meta.add_member("x", client.put([1]))


def unfetched(client):
    meta = vineyard.ObjectMeta()
    meta.add_member("x", client.put([1]))
    meta.member("x")


WRONG = [
    (lambda c: c.get(), ValueError, r"client\.get\(object_id\)"),
    (lambda c: c.get("nobody"), errors.ObjectNotExistsException, "`vineyard ls --names` lists them"),
    (lambda c: c.get(5.5), TypeError, "ObjectID, Object, Blob, ObjectMeta, int or 'o...'"),
    (lambda c: vineyard.ObjectID("zz"), ValueError, "o and 16 hexadecimal digits"),
    (lambda c: c.get(c.put(1), fetch=True), errors.NotImplementedException, "leave `fetch` out"),
    (lambda c: vineyard.connect("host", 9600), errors.NotImplementedException, r"vineyard\.connect\(\)"),
    (lambda c: vineyard.connect(endpoint=("h", 1)), errors.NotImplementedException, r"vineyard\.connect\(\)"),
    (lambda c: vineyard.connect(username="me"), errors.NotImplementedException, "leave it out"),
    (lambda c: vineyard.connect("/nowhere.sock"), errors.ConnectionFailedException, "start one with `vineyardd`"),
    (lambda c: c.put(1, colour=2), TypeError, "colour; it knows allow_pickle, builder, name, persist"),
    (lambda c: c.put(np.zeros(10**10, "i1")), errors.NotEnoughMemoryException, "larger --size"),
    (lambda c: c.put(lambda: 1), TypeError, "no builder for values of type function"),
    (lambda c: vineyard.BuilderContext().run(c, 1), TypeError, r"register\(type, builder\)"),
    (lambda c: vineyard.ObjectMeta().typename, RuntimeError, r"meta\['typename'\] = "),
    (lambda c: vineyard.ObjectMeta().id, RuntimeError, r"client\.create_metadata\(meta\)"),
    (lambda c: c.create_metadata(5), TypeError, "`put` takes any value"),
    (lambda c: vineyard.ObjectMeta().__setitem__("x", object()), TypeError, "None, bool, int, float, str"),
    (twice, RuntimeError, r"meta\.reset_key\('x'\)"),
    (unfetched, RuntimeError, r"client\.get_object\(meta\['x'\]\.id\)"),
    (lambda c: c.get_meta(blob_of(c)).__setitem__("a", 1), RuntimeError, "add the blob as a member"),
    (lambda c: c.shallow_copy(blob_of(c).id), errors.AssertionFailedException, "a member of any object"),
    (lambda c: c.create_blob("x"), TypeError, "a number of bytes, or a list of them, not str"),
    (lambda c: c.get_object(c.put([1])).nothing, AttributeError, r"obj\.meta\.keys\(\)"),
    (lambda c: c.get_object(c.put([1])).member("size_"), RuntimeError, r"meta\['size_'\]"),
    (lambda c: c.get_object(c.put([1])).__reduce_ex__(5), TypeError, "pickle its id, or the value"),
    (lambda c: c.__reduce__(), TypeError, r"vineyard\.connect\(client\.ipc_socket\)"),
    (lambda c: vineyard.builder_context({1}), ValueError, "a dict is wanted .*, not a set"),
    (lambda c: vineyard.get_current_socket(), ValueError, r"vineyard\.try_init\(\)"),
    (lambda c: vineyard.memory_copy(b"abc", b"abc"), TypeError, "bytearray"),
    (lambda c: c.get_meta(c.put([1])).get_buffer(5), errors.ObjectNotExistsException, r"client\.get_blob\(id\)"),
    (lambda c: c.rpc_client, AssertionError, "ipc_client"),
    (lambda c: memoryview(c.get_object(c.put([1]))), BufferError, r"obj\.member\(key\)"),
]


@pytest.mark.parametrize(("wrong", "kind", "text"), WRONG, ids=[w[2][:30] for w in WRONG])
def test_the_text_says_what_to_do(client, wrong, kind, text):
    with pytest.raises(kind, match=text):
        wrong(client)
