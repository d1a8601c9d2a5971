# SPDX-License-Identifier: Apache-2.0
"""Any other value, by pickle (protocol 5): each out-of-band buffer is an aligned part of the payload.

Unpickling runs code that the writer chose. So it is done where it can do no harm: when only the user that runs this
process can write to the instance. Everywhere else the caller says `allow_pickle=True`, at put and at get.
"""

from __future__ import annotations

import pickle

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


# ---- a pickle as a stream of bytes, for programs that send values themselves

_MAGIC = b"vineyard-pickle5"
_WORD = 8


class PickledReader:
    """The pickle of a value, read bit by bit; arrays in it are not copied before they are read.

    The bytes are: a mark, the number of parts, the size of each (words of 8 bytes, little endian), then the parts: the
    pickle (protocol 5), and its out-of-band buffers. `PickledWriter` makes the value of them.
    """

    def __init__(self, value):
        buffers = []
        data = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        parts = [memoryview(data), *(buffer.raw() for buffer in buffers)]
        sizes = [len(parts), *(part.nbytes for part in parts)]
        head = _MAGIC + b"".join(size.to_bytes(_WORD, "little") for size in sizes)
        self._parts = [memoryview(head), *parts]
        self.store_size = len(head) + sum(sizes[1:])  # bytes in all
        self._part = self._at = 0

    def read(self, size=None):
        """The next `size` bytes, or all that are left; fewer at the end, then none."""
        left = self.store_size if size is None or size < 0 else size
        pieces = []
        while left and self._part < len(self._parts):
            piece = self._parts[self._part][self._at : self._at + left]
            pieces.append(piece)
            left -= len(piece)
            self._at += len(piece)
            if self._at == len(self._parts[self._part]):
                self._part, self._at = self._part + 1, 0
        return b"".join(pieces)


class PickledWriter:
    """Takes the bytes of a `PickledReader`; `value` is what was pickled.

    Unpickling runs code that the bytes choose: only for bytes of one's own programs.
    """

    def __init__(self, store_size=-1):
        self.store_size = store_size  # bytes to come; -1: unknown
        self._data = bytearray()
        self._value = None
        self._closed = False

    def write(self, data):
        """Takes some bytes."""
        if self._closed:
            raise ValueError("this writer is closed: its value is made")
        self._data += data
        if 0 <= self.store_size < len(self._data):
            raise ValueError(f"{len(self._data)} bytes were written, and {self.store_size} announced")

    def close(self):
        """Makes the value. ValueError if bytes are missing, or are not those of a PickledReader."""
        if self._closed:
            return
        parts = _parts_of(memoryview(self._data))
        self._value = pickle.loads(parts[0], buffers=parts[1:])
        self._closed = True

    @property
    def value(self):
        """The value, once all bytes are written."""
        self.close()
        return self._value


def _parts_of(data):
    """The parts in the bytes of a PickledReader."""
    at = len(_MAGIC) + _WORD
    if len(data) < at or data[: len(_MAGIC)] != _MAGIC:
        raise ValueError("these are not the bytes of a PickledReader, or not all of them")
    count = int.from_bytes(data[len(_MAGIC) : at], "little")
    begin = at + count * _WORD
    if count == 0 or begin > len(data):
        raise ValueError(f"{len(data)} bytes cannot name the sizes of {count} parts: bytes are missing")
    parts = []
    for n in range(count):
        size = int.from_bytes(data[at + n * _WORD : at + (n + 1) * _WORD], "little")
        if size > len(data) - begin:
            raise ValueError(f"part {n} of {count} has {size} bytes, and {len(data) - begin} are left: bytes are missing")
        parts.append(data[begin : begin + size])
        begin += size
    return parts
