# SPDX-License-Identifier: Apache-2.0
"""Drivers: methods that are added to resolved values, and functions that dispatch to registered ones."""

from __future__ import annotations

from .current import Current, Scoped


class DriverContext:
    """Which methods are added to values of objects of which type."""

    def __init__(self, parent_context=None):
        self._parent = parent_context
        self._drivers = {} if parent_context is None else {k: dict(v) for k, v in parent_context._drivers.items()}

    @property
    def parent_context(self):
        """The context this one was made from; a root is its own parent."""
        return self if self._parent is None else self._parent

    def __repr__(self):
        return f"<vineyard.DriverContext, {len(self._drivers)} prefixes>"

    def register(self, typename_prefix, meth, func):
        """Adds `func` as method `meth` to values whose object's type name begins with `typename_prefix`."""
        self._drivers.setdefault(typename_prefix, {})[meth] = func

    def extend(self, drivers=None):
        """A child with everything that this context knows, and `drivers` ({prefix: {method: function}}) beside."""
        child = DriverContext(self)
        for prefix, methods in (drivers or {}).items():
            child._drivers.setdefault(prefix, {}).update(methods)
        return child

    def resolve(self, obj, typename):
        """Binds the methods of the longest matching prefix to `obj`, and returns it."""
        longest = max((p for p in self._drivers if typename.startswith(p)), key=len, default=None)
        for method, function in self._drivers.get(longest, {}).items():
            setattr(obj, method, _bind(function, obj))
        return obj


def _bind(function, value):
    def bound(*args, **kw):
        return function(value, *args, **kw)

    return bound


default_driver_context = DriverContext()
_current = Current(default_driver_context)
get_current_drivers = _current.get


def driver_context(drivers=None, base=None):
    """A context manager: a child context with `drivers` (a dict), current in this thread meanwhile."""
    return Scoped(_current, drivers, base)


def registerize(func):
    """Gives a function `.register`: of functions (a list), or of keys and a function (nested dicts of lists).

    The function itself dispatches: `func._factory` holds what is registered, None until something is.
    """
    func._factory = None

    def register(*args):
        *keys, function = args
        if func._factory is None:
            func._factory = {} if keys else []
        if isinstance(func._factory, dict) != bool(keys):
            raise RuntimeError("functions are registered either all with keys, or all without")
        place = func._factory
        for depth, key in enumerate(keys):
            place = place.setdefault(key, [] if depth == len(keys) - 1 else {})
        if not isinstance(place, list):
            raise RuntimeError("functions are registered with the same number of keys")
        place.append(function)

    func.register = register
    return func
