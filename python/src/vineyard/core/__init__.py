# SPDX-License-Identifier: Apache-2.0
"""Registries: how values become objects (builders), and how objects become values (resolvers, drivers)."""

from __future__ import annotations

from . import builder, driver, resolver
from .builder import BuilderContext, builder_context, default_builder_context
from .driver import DriverContext, default_driver_context, driver_context
from .resolver import ResolverContext, default_resolver_context, resolver_context


class context:  # noqa: N801 - a name that programs use
    """A context manager: builders and resolvers of its own for this thread, as `(builder_ctx, resolver_ctx)`."""

    def __init__(self, builders=None, resolvers=None, base_builder=None, base_resolver=None):
        self._managers = (builder_context(builders, base_builder), resolver_context(resolvers, base_resolver))

    def __enter__(self):
        return tuple(manager.__enter__() for manager in self._managers)

    def __exit__(self, *exc):
        for manager in reversed(self._managers):
            manager.__exit__(*exc)


def __getattr__(name):
    if name in ("client", "utils"):
        import importlib

        return importlib.import_module("." + name, __name__)
    if name == "Client":
        from ..client import Client

        return Client
    raise AttributeError(f"module 'vineyard.core' has no attribute '{name}'")


__all__ = [
    "BuilderContext",
    "DriverContext",
    "ResolverContext",
    "builder",
    "builder_context",
    "context",
    "default_builder_context",
    "default_driver_context",
    "default_resolver_context",
    "driver",
    "driver_context",
    "resolver",
    "resolver_context",
]
