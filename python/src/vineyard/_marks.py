# SPDX-License-Identifier: Apache-2.0
"""What is said of an object after it was made: labels, and that it was persisted.

Objects do not change, so this stands in names of their own: `vineyard.labels/<id>/<key>` leads to a text, `vineyard.persisted/<id>`
to the object. Each is set by one message, so writers at the same time do not undo each other's. They go with the object when the
process that set them deletes it; a delete elsewhere does not ask for them, since that would cost every delete a message.
"""

from __future__ import annotations

from . import _core

_LABELS, _PERSISTED = "vineyard.labels/", "vineyard.persisted/"
_ALL = 2**31 - 1
_marked = set()  # ids that this process has marked


def is_mark(name):
    """Whether a name is one of these."""
    return name.startswith((_LABELS, _PERSISTED))


def set_label(client, object_id, key, value):
    """Sets one label."""
    from urllib.parse import quote

    _marked.add(int(object_id))
    name = f"{_LABELS}{object_id!r}/{quote(key, safe='')}"
    before = client._list_names(name, False, 1)
    client._put_name(client.put(value), name, True)
    client._remove(list(before.values()), False, True)


def set_fields(client, blob_id, fields):
    """Keeps what was said of a blob while it was built; else nothing stays of it."""
    try:
        for key, value in fields.items():
            set_label(client, blob_id, key, value)
    except BaseException:
        client.delete(blob_id)
        raise


def labels_of(client, object_id):
    """All labels of an object, a dict."""
    from urllib.parse import unquote

    prefix = f"{_LABELS}{object_id!r}/"
    names = client._list_names(prefix + "*", False, _ALL)
    return {unquote(name[len(prefix) :]): client._get_object(text)._scalar() for name, text in names.items()}


def persist(client, object_id):
    """Marks an object as persisted."""
    _marked.add(int(object_id))
    client._put_name(object_id, f"{_PERSISTED}{object_id!r}", True)


def is_persisted(client, object_id):
    """Whether it was."""
    return bool(client._list_names(f"{_PERSISTED}{object_id!r}", False, 1))


def forget(client, ids):
    """Takes away what is said of objects that are deleted."""
    if not _marked:
        return
    for object_id in map(_core.ObjectID, ids):
        if int(object_id) not in _marked:
            continue
        _marked.discard(int(object_id))
        texts = client._list_names(f"{_LABELS}{object_id!r}/*", False, _ALL)
        for name in [*texts, f"{_PERSISTED}{object_id!r}"]:
            client._drop_name(name)
        client._remove(list(texts.values()), False, True)
