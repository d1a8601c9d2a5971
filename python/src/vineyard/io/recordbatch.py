# SPDX-License-Identifier: Apache-2.0
"""Streams of any chunks: the names of what is to come. Making one raises, and says so."""

from __future__ import annotations

from .stream import BaseStream


class RecordBatchStream(BaseStream):
    """A stream of whatever its chunks are."""


__all__ = ["RecordBatchStream"]
