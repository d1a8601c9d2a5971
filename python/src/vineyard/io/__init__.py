# SPDX-License-Identifier: Apache-2.0
"""Streams and files: the names of what is to come. Each raises, and says so."""

from __future__ import annotations

from ..core.driver import registerize
from ..errors import not_yet


@registerize
def read(path, *args, handlers=None, accumulate=False, chunk_hook=None, **kw):
    """Not there yet."""
    raise not_yet("vineyard.io.read")


@registerize
def write(path, stream, *args, handlers=None, chunk_hook=None, **kw):
    """Not there yet."""
    raise not_yet("vineyard.io.write")


def open(path, *args, mode="r", handlers=None, chunk_hook=None, **kw):  # noqa: A001 - the name that programs use
    """Not there yet."""
    raise not_yet("vineyard.io.open")


open.register = read.register


@registerize
def serialize(path, object_id, *args, **kw):
    """Not there yet."""
    raise not_yet("vineyard.io.serialize")


@registerize
def deserialize(path, *args, **kw):
    """Not there yet."""
    raise not_yet("vineyard.io.deserialize")
