# SPDX-License-Identifier: Apache-2.0
"""The interface of `multiprocessing.shared_memory` over objects: written once, then frozen and read by all."""

from __future__ import annotations

from . import _core
from .errors import not_yet


class SharedMemory:
    """A blob that is made by `create=True` and `size`, written through `buf`, and published by `freeze`."""

    def __init__(self, vineyard_client, name=None, create=False, size=0):
        if create and (name is not None or size <= 0):
            raise ValueError("create needs a size above 0, and no name: the name is the blob's id")
        if not create and name is None:
            raise ValueError("a name is needed, or create")
        self._client = vineyard_client
        self._builder = None
        if create:
            self._builder = vineyard_client.create_blob(size)
            self._id = self._builder.id
            self._buf = memoryview(self._builder)
        else:
            self._id = _core.ObjectID(name)
            self._buf = memoryview(vineyard_client.get_object(self._id))
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
        """Publishes the blob: others can open it, and nobody can write to it."""
        if self._builder is not None:
            self._buf.release()
            self._buf = memoryview(self._builder.seal(self._client))
            self._builder = None
        return self

    def close(self):
        """Publishes the blob if it is not yet."""
        self.freeze()

    def unlink(self):
        """Gives the blob up, or deletes it if it is published."""
        if self._builder is not None:
            self._buf.release()
            self._builder.abort(self._client)
            self._builder = None
        else:
            self._client.delete(self._id)

    def __reduce__(self):
        raise TypeError("shared memory cannot be pickled: open it by its name in the other process")


class ShareableList:
    """Not there yet."""

    def __init__(self, *args, **kw):
        raise not_yet("vineyard.shared_memory.ShareableList")
