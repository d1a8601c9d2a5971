# SPDX-License-Identifier: Apache-2.0
"""Starting daemons from Python."""

from __future__ import annotations

from ..errors import not_yet


def vineyardctl(*args, **kw):
    """Not there yet."""
    raise not_yet("vineyardctl")


def __getattr__(name):
    if name in ("local", "distributed", "kubernetes", "etcd"):
        import importlib

        return importlib.import_module("." + name, __name__)
    raise AttributeError(f"module 'vineyard.deploy' has no attribute '{name}'")
