# SPDX-License-Identifier: Apache-2.0
"""Resolvers: how objects become values.

A resolver is `f(object, [resolver], **keywords)`, found by the longest registered prefix of the object's type name.
"""

from __future__ import annotations

from .. import _core
from ..data.builtin import builtin_resolver_for
from . import plugins
from .current import Current, Scoped, accepts

_SHORT = ("vineyard::Blob", "vineyard::Scalar")


class ResolverContext:
    """Which resolver makes values of objects of which type. Calling it, or `run`, resolves."""

    def __init__(self, parent_context=None):
        self._parent = parent_context
        self._resolvers = {} if parent_context is None else dict(parent_context._resolvers)
        self._has_builtins = parent_context is not None and parent_context._has_builtins
        self._found = {}

    @property
    def parent_context(self):
        """The context this one was made from; a root is its own parent."""
        return self if self._parent is None else self._parent

    def register(self, typename_prefix, resolver):
        """Makes `resolver` resolve objects whose type name begins so; the longest prefix wins, then the last one."""
        if not isinstance(typename_prefix, str):
            raise TypeError("a resolver is registered for the beginning of a type name, a str")
        if any(s.startswith(typename_prefix) or typename_prefix.startswith(s) for s in _SHORT):
            _core._forget_short_get()
        self._resolvers[typename_prefix] = resolver
        self._found = {}

    def use_builtins(self):
        """Makes this context know the built-in types."""
        self._has_builtins = True
        self._found = {}

    def extend(self, resolvers=None):
        """A child with everything that this context knows, and `resolvers` (a dict) beside."""
        child = ResolverContext(self)
        for prefix, resolver in (resolvers or {}).items():
            child.register(prefix, resolver)
        return child

    def find(self, typename):
        """(resolver, whether it is a built-in one) for that type name; (None, False) if nobody knows it."""
        found = self._found.get(typename)
        if found is None:
            found = self._search(typename)
            if len(self._found) > 4096:
                self._found = {}
            if plugins.is_complete():
                self._found[typename] = found
        return found

    def _search(self, typename):
        longest = max((p for p in self._resolvers if typename.startswith(p)), key=len, default=None)
        builtin, length = builtin_resolver_for(typename) if self._has_builtins else (None, -1)
        if longest is not None and len(longest) >= length:
            return self._resolvers[longest], False
        if builtin is None and self._has_builtins:
            return plugins.types().resolver_for(typename), False
        return builtin, builtin is not None

    def run(self, obj, **kw):
        """The value of an Object or Blob; the Object itself if no resolver knows its type."""
        typename = obj.typename
        resolver, is_builtin = self._found.get(typename) or self.find(typename)
        if is_builtin:
            return resolver(obj, self, kw)
        if resolver is None:
            return obj
        return self._run_registered(resolver, obj, kw)

    __call__ = run

    def __repr__(self):
        return f"<vineyard.ResolverContext, {len(self._resolvers)} registered{', builtins' * self._has_builtins}>"

    def _run_registered(self, resolver, obj, kw):
        takes, variadic = accepts(resolver, "resolver")
        if variadic:
            kw["resolver"] = self
            value = resolver(obj, **kw)
        else:
            keywords = {"resolver": self} if takes else {}
            try:
                value = resolver(obj, **keywords)
            except Exception as e:
                raise RuntimeError(f"the resolver of '{obj.typename}' failed: {e}") from e
        if value is None and isinstance(obj, _core.Blob):
            return obj
        remember(value, obj)
        return value


def remember(value, obj):
    """Notes on a value where it came from (`__vineyard_ref`), if it can hold attributes."""
    try:
        value.__dict__["__vineyard_ref"] = obj
    except (AttributeError, TypeError):
        pass


default_resolver_context = ResolverContext()
default_resolver_context.use_builtins()
_current = Current(default_resolver_context)
get_current_resolvers = _current.get


def resolver_context(resolvers=None, base=None):
    """A context manager: a child context with `resolvers` (a dict), current in this thread meanwhile."""
    return Scoped(_current, resolvers, base)


def get(client, object_id=None, name=None, resolver=None, fetch=False, **kw):
    """`client.get`."""
    return client.get(object_id, name, resolver, fetch, **kw)
