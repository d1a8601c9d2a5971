# SPDX-License-Identifier: Apache-2.0
"""Streams of tables: the names of what is to come. Making one raises, and says so."""

from __future__ import annotations

from .stream import BaseStream


class DataframeStream(BaseStream):
    """A stream of Arrow record batches."""


__all__ = ["DataframeStream"]
