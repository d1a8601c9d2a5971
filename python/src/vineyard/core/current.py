# SPDX-License-Identifier: Apache-2.0
"""What the three registries have in common: which context is current in a thread, and how functions are called."""

from __future__ import annotations

from _thread import _local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_VARIADIC = 0x08  # inspect.CO_VARKEYWORDS, without importing inspect


class _Stack(_local):
    stack: list[Any] | None = None  # of the class, so that a thread without one finds it without an exception


class Current:
    """The current context of each thread: the default, or the one entered last."""

    def __init__(self, default: Any) -> None:
        self._default = default
        self._local = _Stack()

    def get(self) -> Any:
        """The context that is current in this thread."""
        stack = self._local.stack
        return stack[-1] if stack else self._default

    def push(self, context: Any) -> None:
        """Makes `context` current in this thread until `pop`."""
        if self._local.stack is None:
            self._local.stack = []
        self._local.stack.append(context)

    def pop(self) -> None:
        """Undoes the last `push` of this thread."""
        self._local.stack.pop()


class Scoped:
    """A context manager that makes a child of the current context current in this thread."""

    def __init__(self, current: Current, entries: Mapping[Any, Any] | None, base: Any) -> None:
        if entries is not None and not hasattr(entries, "items"):
            raise ValueError(f"a dict is wanted ({{type or type name: function}}), not a {type(entries).__name__}")
        self._current = current
        self._entries = entries
        self._base = base

    def __enter__(self) -> Any:
        base = self._current.get() if self._base is None else self._base
        child = base.extend(self._entries)
        self._current.push(child)
        return child

    def __exit__(self, *_: object) -> None:
        self._current.pop()


def accepts(function: Callable[..., Any], name: str) -> tuple[bool, bool]:
    """Whether `function` can be called with the keyword `name`, and whether with any keyword."""
    code = getattr(function, "__code__", None)
    if code is None:
        import inspect

        try:
            parameters = inspect.signature(function).parameters
        except (TypeError, ValueError):
            return False, False
        variadic = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        return name in parameters or variadic, variadic
    variadic = bool(code.co_flags & _VARIADIC)
    named = name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return named or variadic, variadic
