# SPDX-License-Identifier: Apache-2.0
"""Builders: how values become objects.

A builder is `f(client, value, [builder], **keywords)`, found by the type of the value and then by its base classes. It
returns an ObjectMeta, Object or ObjectID. For members it calls `builder.run(client, member)`.
"""

from __future__ import annotations

from .. import _core
from ..data.builtin import Builtin, builtin_for, is_complete
from . import plugins
from .current import Current, Scoped, accepts

_SHORT = frozenset((bytes, str, int, float, bool, type(None)))


def id_of_result(result):
    """What a builder returned, as put gives it: an id for metadata and objects, anything else as it is."""
    if isinstance(result, _core.ObjectID):
        return result
    if hasattr(result, "_vineyard_id"):
        return result._vineyard_id()
    return result


class BuilderContext:
    """Which builder makes objects of which type. Calling it, or `run`, builds."""

    def __init__(self, parent_context=None):
        self._parent = parent_context
        self._builders = {} if parent_context is None else dict(parent_context._builders)
        self._has_builtins = parent_context is not None and parent_context._has_builtins
        self._found = {}

    @property
    def parent_context(self):
        """The context this one was made from; a root is its own parent."""
        return self if self._parent is None else self._parent

    def register(self, type, builder):  # noqa: A002 - the name that programs use
        """Makes `builder` build values of `type` (one type a call; the last one wins)."""
        if type in _SHORT:
            _core._forget_short_put()
        self._builders[type] = builder
        self._found = {}

    def use_builtins(self):
        """Makes this context know the built-in types."""
        self._has_builtins = True
        self._found = {}

    def extend(self, builders=None):
        """A child with everything that this context knows, and `builders` (a dict) beside."""
        child = BuilderContext(self)
        for cls, builder in (builders or {}).items():
            child.register(cls, builder)
        return child

    def find(self, cls):
        """The builder for values of that type, or None."""
        found = self._found
        if cls in found:
            return found[cls]
        builder = self._search(cls)
        if builder is not None and is_complete() and plugins.is_complete():
            found[cls] = builder
        return builder

    def _search(self, cls):
        for base in cls.__mro__:
            builder = self._builders.get(base)
            if builder is None and self._has_builtins:
                builder = builtin_for(base)
                if builder is not None and plugins.may_know(cls, base):
                    return self._search_plugins(cls, base) or builder
            if builder is not None:
                return builder
        return None

    def _search_plugins(self, cls, known):
        """A builder of an entry point for a base that comes before the known one."""
        builders = plugins.types().builders
        before = cls.__mro__[: cls.__mro__.index(known)]
        return next((builders[base] for base in before if base in builders), None)

    def run(self, client, value, **kw):
        """Builds an object of `value`; returns what the builder returns, usually an id or metadata."""
        builder = self.find(type(value))
        if builder is None:
            raise TypeError(
                f"no builder for values of type {type(value).__qualname__}: register one with "
                "`vineyard.default_builder_context.register(type, builder)`"
            )
        if type(builder) is Builtin:
            return builder.put(client, value, self, kw)
        takes, _ = accepts(builder, "builder")
        if takes:
            kw["builder"] = self
        return builder(client, value, **kw)

    __call__ = run

    def __repr__(self):
        return f"<vineyard.BuilderContext, {len(self._builders)} registered{', builtins' * self._has_builtins}>"


default_builder_context = BuilderContext()
default_builder_context.use_builtins()
_current = Current(default_builder_context)
get_current_builders = _current.get


def builder_context(builders=None, base=None):
    """A context manager: a child context with `builders` (a dict), current in this thread meanwhile."""
    return Scoped(_current, builders, base)


def put(client, value, builder=None, persist=False, name=None, **kw):
    """`client.put`."""
    return client.put(value, builder, persist, name, **kw)
