# SPDX-License-Identifier: Apache-2.0
"""Pickles whose large buffers lie in the store: what is sent to another process of the host is short, what is received
is a read-only view.

    data = pickling.dumps(value)      # bytes, to be sent by a queue, a socket, a file
    value = pickling.loads(data)      # or pickle.loads: it needs nothing of the sender
    pickling.release(data)            # when everybody has loaded it

`Shared` is a value that was put and is passed along by its id: the argument of a function that workers run.
As with every pickle, load only what you trust: loading runs code that its writer chose.
"""

from __future__ import annotations

import pickle

from . import _core
from .client import connect

_TYPE = "vineyard::PickledBuffers"
_clients = {}  # by socket: a pickle has no client at hand


def client_of(socket):
    """The client of this process for a socket."""
    client = _clients.get(socket)
    if client is None or not client._is_open:
        client = _clients[socket] = connect(socket)
    return client


def _blob_behind(view):
    """(blob, offset) of the object that a flat buffer is most of; None if it is private memory, or a small part."""
    base = view
    while base is not None and not isinstance(base, _core.Blob):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    if base is None or base._source is None or len(view) * 2 < len(base):
        return None
    if len(view) == len(base):
        return base._source
    import numpy as np

    source, offset = base._source
    return source, offset + np.frombuffer(view, np.uint8).__array_interface__["data"][0] - base.address


def _write(writer, key, view, client):
    """A buffer that is in the store already is shared."""
    behind = _blob_behind(view)
    if behind is not None and client.exists(behind[0]):
        writer.share_range(0, key, *behind, view.nbytes)
    else:
        writer.add_buffer(0, key, view)


def dumps(value, client=None, *, least=65536):
    """A pickle of `value`, of which buffers of at least `least` bytes are put into the store.

    Buffers are what a type offers to pickle protocol 5: NumPy arrays (and what is made of them: pandas, scipy), Arrow
    arrays, blobs. One that is a view of an object is not copied. They stay until `release`.
    """
    large = []

    def keep_in_band(buffer):
        view = buffer.raw()
        if view.nbytes < least:
            return True
        large.append(view)
        return False

    data = pickle.dumps(value, protocol=5, buffer_callback=keep_in_band)
    if not large:
        return data
    client = connect() if client is None else client
    writer = _core._Writer()
    writer.set_type(0, _TYPE)
    writer.set(0, "__buffers_-size", len(large))
    for i, view in enumerate(large):
        _write(writer, f"__buffers_-{i}", view, client)
    return pickle.dumps(_Parcel(data, client.ipc_socket, int(writer.publish(client))), protocol=5)


def loads(data):
    """The value; its large buffers are read-only views of the store. ObjectNotExistsException once it is released."""
    return pickle.loads(data)


def release(data):
    """Deletes what `dumps` put into the store. Values that were loaded stay good; `data` cannot be loaded any more."""
    import io

    try:
        _Releaser(io.BytesIO(data)).load()
    except _NothingToRelease:
        pass


class _Parcel:
    """What `dumps` writes: loading it loads the value."""

    def __init__(self, *parts):
        self._parts = parts

    def __reduce__(self):
        return _load_parcel, self._parts


def _load_parcel(data, socket, number):
    obj = client_of(socket)._get_object(_core.ObjectID(number))
    count = obj._field("__buffers_-size", 0)
    return pickle.loads(data, buffers=[obj._buffer(f"__buffers_-{i}") for i in range(count)])


def _release_parcel(data, socket, number):
    client_of(socket).delete(_core.ObjectID(number))


class _Releaser(pickle.Unpickler):
    """Reads what `dumps` wrote, and runs no code of anybody else's."""

    def find_class(self, module, name):
        if (module, name) != (__name__, "_load_parcel"):
            raise _NothingToRelease
        return _release_parcel


class _NothingToRelease(Exception):
    """The value has nothing in the store."""


class Shared:
    """A value in the store that is passed to other processes of this host by its id.

    Pickling it sends the socket and the id. `get()` gives the value, and gets it once in each process. The object stays
    until `delete()`.
    """

    def __init__(self, object_id, client=None):
        client = connect() if client is None else client
        self._socket = client.ipc_socket
        self._id = _core.ObjectID(object_id)
        self._client = client
        self._value = None

    @classmethod
    def put(cls, value, client=None, **kw):
        """Puts a value, with the keywords of `client.put`."""
        client = connect() if client is None else client
        return cls(client.put(value, **kw), client)

    @property
    def id(self):
        """The object's id."""
        return self._id

    def get(self):
        """The value."""
        if self._value is None:
            self._value = self._connected().get(self._id)
        return self._value

    def delete(self):
        """Deletes the object; values that were got stay good."""
        self._connected().delete(self._id)

    def _connected(self):
        if self._client is None:
            self._client = client_of(self._socket)
        return self._client

    def __getstate__(self):
        return self._socket, int(self._id)

    def __setstate__(self, state):
        self._socket, self._id = state[0], _core.ObjectID(state[1])
        self._client = self._value = None

    def __repr__(self):
        return f"<vineyard.pickling.Shared {self._id!r} of {self._socket}>"
