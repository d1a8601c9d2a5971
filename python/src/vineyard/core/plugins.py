# SPDX-License-Identifier: Apache-2.0
"""Builders and resolvers of other distributions, by entry points of the group `vineyard.types`.

An entry point names a function `f(builder_ctx, resolver_ctx)`, which registers. It is called at the first put or get of
a type that neither the program nor vineyard knows, never at import. What one of them does wrong is a warning and leaves
the others as they are: it registers in contexts of its own, whose contents count only once it has returned.
"""

from __future__ import annotations

from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

GROUP: str = "vineyard.types"


class Types:
    """What all entry points registered. Never changed once it is there, so that any thread may read it."""

    __slots__ = ("builders", "failures", "resolvers")

    def __init__(self) -> None:
        self.builders: dict[type[Any], Callable[..., Any]] = {}
        self.resolvers: dict[str, Callable[..., Any]] = {}
        self.failures: list[str] = []

    def resolver_for(self, typename: str) -> Callable[..., Any] | None:
        """The resolver of the longest prefix; None if there is none."""
        longest = max((p for p in self.resolvers if typename.startswith(p)), key=len, default=None)
        return None if longest is None else self.resolvers[longest]


_nothing = Types()
_loaded = None
_loading = set()  # threads in the middle of it: what they put and get meanwhile knows no entry points


def types() -> Types:
    """What the entry points registered; the first call loads them."""
    global _loaded
    me = get_ident()
    if _loaded is not None or me in _loading:
        return _loaded or _nothing
    # No lock, which a thread in the middle of an import could wait for while it holds the import's own: two threads may
    # both load, each into tables of its own, and the first one's count.
    _loading.add(me)
    try:
        found = _load_all()
    finally:
        _loading.discard(me)
    if _loaded is None:
        _loaded = found
        _report(found.failures)
    return _loaded


def is_complete() -> bool:
    """Whether what `types` says is for good: not inside the loading."""
    return get_ident() not in _loading


def _load_all():
    from importlib.metadata import entry_points

    found = Types()
    for entry in sorted(entry_points(group=GROUP), key=lambda e: (e.name, e.value)):
        where = f"entry point '{entry.name} = {entry.value}'"
        if entry.dist is not None:
            where += f" of {entry.dist.name} {entry.dist.version}"
        try:
            _merge(found, *_collect(entry), where)
        except Exception as e:  # whatever a stranger's code raises
            found.failures.append(f"{where} failed: {type(e).__name__}: {e}")
    return found


def _collect(entry):
    from .builder import BuilderContext
    from .resolver import ResolverContext

    builders, resolvers = BuilderContext(), ResolverContext()
    function = entry.load()
    if not callable(function):
        raise TypeError("it is no function f(builder_ctx, resolver_ctx)")
    function(builders, resolvers)
    return builders._builders, resolvers._resolvers


def _merge(found, builders, resolvers, where):
    for known, new in ((found.builders, builders), (found.resolvers, resolvers)):
        for key, function in new.items():
            if known.setdefault(key, function) is not function:
                found.failures.append(f"{where} registers {key!r}, which an entry point before it did: that one counts")


def _report(failures):
    import warnings

    for text in failures:
        warnings.warn(
            f"vineyard: {text}. Its types are not known here; update or uninstall that distribution",
            RuntimeWarning,
            stacklevel=2,
        )


def may_know(cls: type[Any], base: type[Any]) -> bool:
    """Whether to ask entry points for a type whose nearest known base is `base`: not for those of a known library."""
    if cls is base:
        return False
    if base is not object:
        return _library(cls) != _library(base)
    from ..data.plain import _entry_of

    return cls.__module__ != "builtins" and _entry_of(cls) is None


def _library(cls):
    home = cls.__module__
    return home.partition(".")[0] if isinstance(home, str) else None
