# SPDX-License-Identifier: Apache-2.0
"""Plain values: what can be written and read without running anybody's code.

The extension module knows None, bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset and
Ellipsis. This adds, by name, immutable values of the standard library and NumPy scalars. Exact types only.
"""

from __future__ import annotations

from .. import _core

_MODULES = frozenset(("datetime", "zoneinfo", "decimal", "_decimal", "uuid", "fractions", "builtins", "numpy"))


def _dump_datetime(v):
    return (v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond, v.tzinfo, v.fold)


def _make_datetime(year, month, day, hour, minute, second, microsecond, tzinfo, fold):
    import datetime

    return datetime.datetime(year, month, day, hour, minute, second, microsecond, tzinfo, fold=fold)


def _dump_time(v):
    return (v.hour, v.minute, v.second, v.microsecond, v.tzinfo, v.fold)


def _make_time(hour, minute, second, microsecond, tzinfo, fold):
    import datetime

    return datetime.time(hour, minute, second, microsecond, tzinfo, fold=fold)


def _make_date(*args):
    import datetime

    return datetime.date(*args)


def _make_timedelta(*args):
    import datetime

    return datetime.timedelta(*args)


def _make_timezone(offset, name):
    import datetime

    return datetime.timezone(offset) if name is None else datetime.timezone(offset, name)


def _dump_timezone(v):
    offset = v.utcoffset(None)
    plain = type(v)(offset)
    return (offset, None if plain.tzname(None) == v.tzname(None) else v.tzname(None))


def _dump_zone(v):
    if v.key is None:
        return None  # read from a file: there is no name to find it by
    return (v.key,)


def _make_zone(key):
    import zoneinfo

    return zoneinfo.ZoneInfo(key)


def _make_decimal(text):
    import decimal

    return decimal.Decimal(text)


def _make_uuid(data):
    import uuid

    return uuid.UUID(bytes=data)


def _make_fraction(numerator, denominator):
    import fractions

    return fractions.Fraction(numerator, denominator)


def _dump_numpy(v):
    if v.dtype.hasobject or v.dtype.names is not None:
        return None
    return (v.dtype.str, v.tobytes())


def _make_numpy(dtype, data):
    import numpy

    dtype = numpy.dtype(dtype)
    if dtype.hasobject:
        raise ValueError("not a plain dtype")
    return numpy.frombuffer(data, dtype, 1)[0] if dtype.itemsize else numpy.zeros(1, dtype)[0]


# By the type's full name: how to take it apart, and how to make it again.
_KNOWN = {
    "datetime.datetime": (_dump_datetime, _make_datetime),
    "datetime.date": (lambda v: (v.year, v.month, v.day), _make_date),
    "datetime.time": (_dump_time, _make_time),
    "datetime.timedelta": (lambda v: (v.days, v.seconds, v.microseconds), _make_timedelta),
    "datetime.timezone": (_dump_timezone, _make_timezone),
    "zoneinfo.ZoneInfo": (_dump_zone, _make_zone),
    "decimal.Decimal": (lambda v: (str(v),), _make_decimal),
    "uuid.UUID": (lambda v: (v.bytes,), _make_uuid),
    "fractions.Fraction": (lambda v: (v.numerator, v.denominator), _make_fraction),
    "builtins.range": (lambda v: (v.start, v.stop, v.step), range),
    "builtins.slice": (lambda v: (v.start, v.stop, v.step), slice),
    "numpy": (_dump_numpy, _make_numpy),
}
_by_type = {}


def _entry_of(cls):
    module = cls.__module__
    if module not in _MODULES:
        return None
    import sys

    name = "decimal" if module == "_decimal" else module
    if getattr(sys.modules.get(name), cls.__qualname__, None) is not cls:
        return None
    if module == "numpy":
        return ("numpy", _dump_numpy) if issubclass(cls, sys.modules["numpy"].generic) else None
    known = _KNOWN.get(f"{name}.{cls.__qualname__}")
    return None if known is None else (f"{name}.{cls.__qualname__}", known[0])


def _take_apart(value):
    cls = type(value)
    try:
        entry = _by_type[cls]
    except KeyError:
        entry = _entry_of(cls)
        if entry is not None:
            _by_type[cls] = entry
    if entry is None:
        return None
    args = entry[1](value)
    return None if args is None else (entry[0], args)


def _put_together(named):
    try:
        name, args = named
        make = _KNOWN[name][1]
        return make(*args)
    except (KeyError, TypeError, ValueError, OverflowError) as e:
        from ..errors import CorruptException

        raise CorruptException(f"the bytes of a plain value are not what they must be: {e}") from e


def pack(value):
    """The bytes of a plain value; None if it is not one."""
    return _core._pack_plain(value, _take_apart)


def unpack(data):
    """The value that `pack` took apart. Everything is checked, no code of the writer's runs."""
    return _core._unpack_plain(data, _put_together)
