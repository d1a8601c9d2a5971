# SPDX-License-Identifier: Apache-2.0
"""Names."""

import threading

import pytest

from vineyard import ObjectID, ObjectName, errors


def test_a_value_is_put_and_got_by_name(client):
    object_id = client.put([1, 2], name="list")
    assert client.get(name="list") == [1, 2]
    assert client.get("list") == [1, 2]
    assert client.get_name("list") == object_id
    assert client.get_name(ObjectName("list")) == object_id
    assert client.get_object("list").id == object_id


def test_a_text_that_reads_as_an_id_is_an_id(client):
    object_id = client.put([1])
    assert client.get(repr(object_id)) == [1]
    with pytest.raises(errors.InvalidException):
        client.put_name(object_id, "o0123456789abcdef")
    client.put_name(object_id, "o0123456789abcdeg")
    assert client.get("o0123456789abcdeg") == [1]


def test_a_name_is_replaced_and_dropped(client):
    one, two = client.put([1]), client.put([2])
    client.put_name(one, "n")
    client.put_name(two, "n")
    assert client.get("n") == [2]
    with pytest.raises(errors.ObjectExistsException):
        client.put_name(one, "n", replace=False)
    client.drop_name("n")
    client.drop_name("n")
    with pytest.raises(errors.ObjectNotExistsException):
        client.get("n")
    assert client.get(two) == [2]


def test_names_are_listed(client):
    ids = {f"name {i}": client.put([i], name=f"name {i}") for i in range(7)}
    client.put("x", name="other")
    assert client.list_names("name*", limit=100) == ids
    assert len(client.list_names("*")) == 5
    assert set(client.list_names("name [1-3]|other", regex=True, limit=100)) == {"name 1", "name 2", "name 3", "other"}
    assert all(isinstance(i, ObjectID) for i in client.list_names("*").values())


def test_waiting_for_a_name(client, daemon):
    import vineyard

    other = vineyard.connect(daemon.socket)
    timer = threading.Timer(0.05, lambda: other.put([5], name="late"))
    timer.start()
    assert client.get(client.get_name("late", wait=True)) == [5]
    timer.join()
    with pytest.raises(errors.VineyardException):
        client.get_name("never", wait=0.05)


def test_a_name_can_be_seen_by_another_process(client, run_python):
    client.put([1, 2, 3], name="shared")
    assert run_python("print(client.get('shared'))") == "[1, 2, 3]"
    run_python("client.put('from there', name='back')")
    assert client.get("back") == "from there"


def test_the_value_of_a_name_that_cannot_be_given_is_not_left_behind(client):
    before = client.status.json["objects"]["total"]
    with pytest.raises(errors.VineyardException):
        client.put([1], name="x" * 5000)
    assert client.status.json["objects"]["total"] == before
