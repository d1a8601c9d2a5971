# SPDX-License-Identifier: Apache-2.0
"""Any other value, by pickle (protocol 5): each out-of-band buffer is an aligned part of the payload.

Unpickling runs code that the writer chose. So it is done where it can do no harm: when only the user that runs this
process can write to the instance. Everywhere else the caller says `allow_pickle=True`, at put and at get.
"""

from __future__ import annotations

import pickle

from ..errors import not_yet

_FIX = "pass allow_pickle=True at put and at get, or register a builder and a resolver"


def is_private(client):
    """Whether only processes of this user can connect to the client's instance (so every object in it is theirs)."""
    import os

    path = client._connection()[0]
    try:
        status = os.stat(path)
    except OSError:
        return False
    return status.st_uid == os.geteuid() and status.st_mode & 0o022 == 0


def encode(writer, node, value, scope):
    """Writes a pickle of `value`. Raises TypeError where pickle is not allowed, or the value cannot be pickled."""
    allowed = scope.options.get("allow_pickle")
    if allowed is None:
        allowed = is_private(scope.client)
    if not allowed:
        raise TypeError(f"a value of type {type(value).__qualname__} can only be pickled, which other users could read: {_FIX}")
    buffers = []
    try:
        data = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    except Exception as e:  # a class may raise anything here
        raise TypeError(f"no builder for values of type {type(value).__qualname__}, and pickle refuses it: {e}") from e
    writer.set_type(node, "vineyard::PickleBuffer")
    writer.set(node, "size_", len(data))
    writer.add_buffer(node, "buffer_", data)
    writer.set(node, "__buffers_-size", len(buffers))
    for i, buffer in enumerate(buffers):
        writer.add_buffer(node, f"__buffers_-{i}", buffer.raw())


def resolve(obj, context, options):
    """Unpickles. Raises TypeError where that is not allowed."""
    allowed = options.get("allow_pickle")
    if allowed is None:
        allowed = is_private(obj._client_handle)
    if not allowed:
        raise TypeError(f"object {obj!r} is a pickle, which may run code of whoever put it: {_FIX}")
    data = obj._buffer("buffer_")
    size = obj._field("size_")
    buffers = (obj._buffer(f"__buffers_-{i}") for i in range(obj._field("__buffers_-size", 0)))
    return pickle.loads(data[:size], buffers=[b"" if b is None else b for b in buffers])


class PickledWriter:
    """A pickle that is read bit by bit; not there yet."""

    def __init__(self, *args, **kw):
        raise not_yet(f"vineyard.data.pickle.{type(self).__name__}", "client.put(value, allow_pickle=True) pickles")


class PickledReader(PickledWriter):
    """A pickle that is written bit by bit; not there yet."""
