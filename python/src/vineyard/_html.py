# SPDX-License-Identifier: Apache-2.0
"""Small tables for notebooks: `_repr_html_` of what a program holds in its hands. They read no payload."""

from __future__ import annotations

from . import _core

_MOST_ROWS = 20
_LONGEST = 80


def table(title, rows):
    """An HTML table with a caption; long texts and long tables are cut."""
    import html

    shown = [(str(key), _short(value)) for key, value in rows[:_MOST_ROWS]]
    if len(rows) > _MOST_ROWS:
        shown.append(("…", f"{len(rows) - _MOST_ROWS} more"))
    body = "".join(f"<tr><th>{html.escape(key)}</th><td>{html.escape(value)}</td></tr>" for key, value in shown)
    return f"<table><caption>{html.escape(title)}</caption>{body}</table>"


def _short(value):
    text = str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def size(nbytes):
    """A size as people read it."""
    for unit in ("B", "KiB", "MiB"):
        if nbytes < 1024:
            return f"{nbytes} B" if unit == "B" else f"{nbytes:.1f} {unit}"
        nbytes /= 1024
    return f"{nbytes:.1f} GiB"


def of_object(obj):
    """Id, type, size and items of an Object."""
    own = obj._own_id
    rows = [("id", "inline" if own is None else repr(own)), ("typename", obj.typename), ("nbytes", size(obj.nbytes))]
    for key in obj._keys():
        rows.append((key, obj._field(key) if obj._kind(key) == 1 else _member(obj, key)))
    return table("vineyard.Object", rows)


def _member(obj, key):
    kind = obj._kind(key)
    if kind == 3:  # another object, which is not fetched to be shown
        return f"object {obj._member_id(key)!r}"
    member = obj.member(key)
    return f"{member.typename}, {size(member.nbytes)}"


def of_blob(blob):
    """Id, size and the first bytes of a Blob."""
    rows = [("id", repr(blob.id) if blob._has_id else "part of a blob"), ("size", size(len(blob)))]
    rows.append(("begins with", bytes(blob[:16]).hex(" ")))
    return table("vineyard.Blob", rows)


def of_meta(meta):
    """The keys and values of an ObjectMeta."""
    if meta._items is None and not isinstance(meta._object, _core.Blob):
        return of_object(meta._object).replace("vineyard.Object", "vineyard.ObjectMeta", 1)
    if meta._items is None:
        return of_blob(meta._object).replace("vineyard.Blob", "vineyard.ObjectMeta", 1)
    rows = list(meta._known().items())
    rows += [(key, _draft_value(value)) for key, value in sorted(meta._items.items())]
    return table("vineyard.ObjectMeta, a draft", rows)


def _draft_value(value):
    return "a draft" if type(value).__name__ == "ObjectMeta" and value._items is not None else value


def of_status(status):
    """What an instance holds."""
    return table("vineyard.InstanceStatus", [
        ("instance", status.instance_id),
        ("memory", f"{size(status.memory_usage)} of {size(status.memory_limit)}"),
        ("clients", status.ipc_connections),
        ("waiting requests", status.deferred_requests),
    ])  # fmt: skip


def of_client(client):
    """Where a client is connected; it asks nothing of the daemon."""
    if not client._is_open:
        return table("vineyard.Client", [("connection", "closed")])
    socket, version, instance, _, pool = client._connection()
    rows = [("socket", socket), ("version", version), ("instance", instance), ("pool", size(pool))]
    return table("vineyard.Client", rows)
