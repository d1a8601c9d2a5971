# SPDX-License-Identifier: Apache-2.0
"""Helpers that programs with builders of their own import from here."""

from __future__ import annotations

import json

_NAMES = {
    "int": "int32",
    "int32_t": "int32",
    "int64_t": "int64",
    "uint": "uint32",
    "uint32_t": "uint32",
    "uint64_t": "uint64",
    "float": "float64",
    "double": "float64",
    "signed char": "int8",
    "unsigned char": "uint8",
    "short": "int16",
    "short int": "int16",
    "unsigned short": "uint16",
    "short unsigned int": "uint16",
    "string": "object",
    "std::string": "object",
}


def normalize_dtype(dtype, dtype_meta=None):
    """A NumPy dtype from a name that some language writes; a name that is not known stays a str."""
    import numpy

    if isinstance(dtype, numpy.dtype):
        return dtype
    if dtype_meta:
        return numpy.dtype(dtype_meta)
    try:
        return numpy.dtype(_NAMES.get(str(dtype), dtype))
    except TypeError:
        return dtype


def normalize_cpptype(dtype):
    """The C++ spelling of a NumPy dtype, as it stands in type names."""
    import numpy

    name = numpy.dtype(dtype).name
    return {"int32": "int", "float32": "float", "float64": "double"}.get(name, name)


def normalize_arrow_dtype(dtype):
    """The name of an Arrow type, as it stands in type names."""
    return str(dtype)


def build_buffer(client, address, size):
    """A blob with a copy of `size` bytes of `address`, a buffer or the number of an address."""
    if isinstance(address, int):
        import ctypes

        address = (ctypes.c_char * size).from_address(address) if size else b""
    return client.get_object(client.put(memoryview(address).cast("B")[:size]))


def build_numpy_buffer(client, arr):
    """A blob with a copy of the bytes of an array, in C order."""
    import numpy

    return client.get_object(client.put(memoryview(numpy.ascontiguousarray(arr).reshape(-1).view(numpy.uint8))))


def to_json(value):
    """A value as JSON text."""
    return json.dumps(value)


def from_json(text):
    """The value of a JSON text."""
    return json.loads(text)


def expand_slice(indexer):
    """The indices that a slice, or an index, stands for."""
    if isinstance(indexer, slice):
        if indexer.stop is None:
            raise ValueError(f"{indexer} has no end: say it")
        return range(indexer.start or 0, indexer.stop, indexer.step or 1)
    return [indexer]


def str_to_bool(text):
    """Whether a text means yes."""
    return str(text).strip().lower() in ("1", "true", "t", "yes", "y", "on")
