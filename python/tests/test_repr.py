# SPDX-License-Identifier: Apache-2.0
"""How things look: one line as text, a small table in a notebook."""

import html.parser

import numpy as np
import pytest

import vineyard
from vineyard import _core


@pytest.fixture
def things(client):
    object_id = client.put({"a": np.arange(3), "b": [1, {"x": "<&>"}]}, name="n")
    obj = client.get_object(object_id)
    batch = client.get_object(client.put(__import__("pyarrow").table({"a": [1]})))
    builder = client.create_blob(5)
    yield {
        "id": object_id,
        "name": vineyard.ObjectName("n"),
        "object": obj,
        "member": obj.member("__values_-0"),
        "blob": client.get(client.put(b"abc" * 100)),
        "part": client.get(client.put(b"abc" * 100))[3:50],
        "builder": builder,
        "status": client.status,
        "client": client,
        "builders": vineyard.default_builder_context,
        "resolvers": vineyard.default_resolver_context,
        "drivers": vineyard.default_driver_context,
        "graph": vineyard.Graph(obj),
        "arrow": _core._arrow_table(batch),
    }
    builder.abort()


def test_text_is_one_line_that_names_the_class_or_id(things):
    for name, thing in things.items():
        text = repr(thing)
        assert text and "\n" not in text and len(text) < 200, name
        assert "object at 0x" not in text, f"{name}: {text}"


class Cells(html.parser.HTMLParser):
    """The rows of a table, and whether its tags are balanced."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.open, self.caption = [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] == "caption":
            self.caption = data
        else:
            self.rows[-1].append(data)


def rows_of(thing):
    return {row[0]: row[1] if len(row) > 1 else "" for row in Cells(thing._repr_html_()).rows}


def test_tables_of_what_a_program_holds(things, client):
    assert rows_of(things["object"])["typename"] == "vineyard::Dict"
    assert rows_of(things["object"])["__values_-0"] == "vineyard::Tensor<int64>, 24 B"
    assert rows_of(things["member"])["id"] == "inline"
    blob = rows_of(things["blob"])
    assert blob["id"] == repr(things["blob"].id) and blob["size"] == "300 B" and blob["begins with"][:8] == "61 62 63"
    assert rows_of(things["part"])["id"] == "part of a blob"
    assert rows_of(things["object"].meta)["size_"] == "2"
    assert rows_of(things["blob"].meta)["size"] == "300 B"
    assert rows_of(things["status"])["memory"].endswith(" of 1.0 GiB")
    assert rows_of(client)["socket"] == client.ipc_socket


def test_texts_are_escaped_and_cut(client):
    meta = vineyard.ObjectMeta()
    meta["typename"] = "<script>"
    for i in range(30):
        meta[f"k{i:02}"] = "<b>" + "x" * 500
    meta.add_member("m", vineyard.ObjectMeta())
    table = Cells(meta._repr_html_())
    assert table.caption == "vineyard.ObjectMeta, a draft"
    assert len(table.rows) == 21 and table.rows[-1][1].endswith("more")
    assert "<script>" not in meta._repr_html_() and max(len(cell) for row in table.rows for cell in row) <= 80


def test_a_closed_client_has_one_too(daemon):
    client = vineyard.connect(daemon.socket)
    client.close()
    assert rows_of(client) == {"connection": "closed"} and repr(client) == "<vineyard.Client, closed>"


def test_a_table_adds_no_object(client):
    obj = client.get_object(client.put({"a": np.arange(3), "b": [1, {2}]}))
    before = client.status.json["objects"]["total"]
    obj._repr_html_(), obj.meta._repr_html_(), obj.member("__values_-0")._repr_html_()
    assert client.status.json["objects"]["total"] == before
