# SPDX-License-Identifier: Apache-2.0
"""Types of the package `core`. Compared with it by tests/test_typing.py."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from ..client import Client as Client
from . import builder as builder
from . import driver as driver
from . import resolver as resolver
from .builder import BuilderContext as BuilderContext
from .builder import builder_context as builder_context
from .builder import default_builder_context as default_builder_context
from .driver import DriverContext as DriverContext
from .driver import default_driver_context as default_driver_context
from .driver import driver_context as driver_context
from .resolver import ResolverContext as ResolverContext
from .resolver import default_resolver_context as default_resolver_context
from .resolver import resolver_context as resolver_context

class context:  # noqa: N801
    def __init__(
        self,
        builders: Mapping[type[Any], Callable[..., Any]] | None = None,
        resolvers: Mapping[str, Callable[..., Any]] | None = None,
        base_builder: BuilderContext | None = None,
        base_resolver: ResolverContext | None = None,
    ) -> None: ...
    def __enter__(self) -> tuple[BuilderContext, ResolverContext]: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
