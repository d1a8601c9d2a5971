# SPDX-License-Identifier: Apache-2.0
"""Streams of bytes: the names of what is to come. Making one raises, and says so."""

from __future__ import annotations

from .stream import BaseStream


class ByteStream(BaseStream):
    """A stream of runs of bytes."""


__all__ = ["ByteStream"]
