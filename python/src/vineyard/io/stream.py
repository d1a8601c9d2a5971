# SPDX-License-Identifier: Apache-2.0
"""Streams: the names of what is to come. Making one raises, and says so."""

from __future__ import annotations

from ..errors import not_yet

_INSTEAD = "put each chunk as an object with a name of its own, and wait for the names"


class BaseStream:
    """A stream of chunks."""

    def __init__(self, *args, **kw):
        raise not_yet(f"vineyard.io: {type(self).__name__}", _INSTEAD)

    @classmethod
    def new(cls, client, params=None, meta=None):
        """Not there yet."""
        raise not_yet(f"vineyard.io: {cls.__name__}.new", _INSTEAD)


class StreamCollection(BaseStream):
    """Several streams as one object."""

    @classmethod
    def new(cls, client, metadata, streams, meta=None):
        """Not there yet."""
        raise not_yet("vineyard.io: StreamCollection.new", _INSTEAD)


__all__ = ["BaseStream", "StreamCollection"]
