# SPDX-License-Identifier: Apache-2.0
"""The interface of `multiprocessing.shared_memory` over objects: written once, then frozen and read by all."""

from __future__ import annotations

import multiprocessing.shared_memory as _standard
import types
from functools import partial

from . import _core


class SharedMemory:
    """A blob that is made by `create=True` and `size`, written through `buf`, and published by `freeze`."""

    def __init__(self, vineyard_client, name=None, create=False, size=0):
        if create and (name is not None or size <= 0):
            raise ValueError("create needs a size above 0, and no name: the name is the id that the blob gets")
        if not create and name is None:
            raise ValueError("a name is needed, or create")
        self._client = vineyard_client
        self._builder = None
        if create:
            self._builder = vineyard_client.create_blob(size)
            self._id = self._builder.id
            self._buf = _writable(self._builder, size)
        else:
            self._id = _core.ObjectID(name)
            self._buf = _view_of(vineyard_client, self._id)
        self._size = len(self._buf)

    @property
    def name(self):
        """The blob's id as text."""
        return repr(self._id)

    @property
    def size(self):
        """Bytes."""
        return self._size

    @property
    def buf(self):
        """A memoryview: writable until frozen, read-only from then on."""
        return self._buf

    def freeze(self):
        """Publishes the memory: others can open it, and nobody can write to it any more.

        Arrays over `buf` that are still alive then keep bytes of their own: let go of them before, or it is copied.
        """
        if self._builder is not None:
            self._buf = None  # not released: an array may point to it
            self._buf = memoryview(self._builder.seal(self._client))
            self._builder = None
        return self

    def close(self):
        """Publishes the memory if it is not yet."""
        self.freeze()

    def unlink(self):
        """Gives the memory up, or deletes it if it is published."""
        if self._builder is not None:
            self._buf = None
            self._builder.abort(self._client)
            self._builder = None
        else:
            self._client.delete(self._id)

    def __repr__(self):
        state = "" if self._builder is None else ", not frozen"
        return f"<vineyard.shared_memory.SharedMemory {self.name}: {self._size} bytes{state}>"

    def __reduce__(self):
        raise TypeError("shared memory cannot be pickled: open it by its name in the other process")


def _writable(builder, size):
    """A view that holds the builder as long as an array over it does: NumPy lets go of a builder's own view at once."""
    import ctypes

    return memoryview((ctypes.c_ubyte * size).from_buffer(builder)).cast("B")


def _view_of(client, object_id):
    blob = client.get_object(object_id)
    if not isinstance(blob, _core.Blob):
        raise ValueError(f"{object_id!r} is a {blob.typename}, not shared memory: client.get gives its value")
    return memoryview(blob)


class ShareableList(_standard.ShareableList):
    """The standard library's list of numbers, texts, bytes and None, in one blob of the same layout.

    It can be changed in place until `freeze`; opened by its name it is read-only.
    """

    def __init__(self, vineyard_client, sequence=None, *, name=None):
        if sequence is not None and name is not None:
            raise ValueError("a new list has no name: the name is the id that it gets")
        # The standard constructor, with our SharedMemory in the place of its own.
        namespace = {**vars(_standard), "SharedMemory": partial(SharedMemory, vineyard_client)}
        types.FunctionType(_make.__code__, namespace)(self, sequence, name=name)

    def freeze(self):
        """Publishes the list: others can open it by `shm.name`, and nobody can change it any more."""
        self.shm.freeze()
        return self

    def __reduce__(self):
        raise TypeError("a ShareableList cannot be pickled: open it by its shm.name in the other process")


_make = _standard.ShareableList.__init__
