# SPDX-License-Identifier: Apache-2.0
"""Launchers of I/O workers: the names of what is to come."""

from __future__ import annotations

from .errors import not_yet


class Launcher:
    """Not there yet."""

    def __init__(self, *args, **kw):
        raise not_yet("vineyard.launcher")


class ScriptLauncher(Launcher):
    """Not there yet."""
