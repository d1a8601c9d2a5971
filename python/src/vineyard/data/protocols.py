# SPDX-License-Identifier: Apache-2.0
"""Objects and foreign values by the protocols of arrays and tables, without importing anybody's library.

Out: an Object offers what its stored type can give: the buffer protocol, `__array__`, `__array_interface__` and DLPack
for tensors, the Arrow PyCapsule interface for Arrow data, data frames and series. In: a value that no builder knows is
put by what it offers, and comes back as what the protocol says it is: an Arrow array or table, or an array.
"""

from __future__ import annotations

from .. import _core

_TENSORS = ("vineyard::Tensor<", "vineyard::ColumnMajorTensor<")
_TABLES = ("vineyard::Table", "vineyard::RecordBatch")
_BY_LIBRARY = ("vineyard::ChunkedArray", "vineyard::DataFrame", "vineyard::Series", "vineyard::Index")
_CPU = (1, 0)  # DLPack's device of ordinary memory
_ON_TENSORS = frozenset(("__array__", "__array_interface__", "__dlpack__", "__dlpack_device__"))


# ---- out


def attribute_of(obj, name):
    """The method (or `__array_interface__`) of that protocol for an Object; None if its type does not offer it."""
    typename = obj.typename
    if name.startswith("__arrow_c_"):
        return _arrow_method(obj, typename, name)
    if typename.startswith(_TENSORS):
        return _tensor_attribute(obj, name) if name in _ON_TENSORS else None
    if name == "__array__" and (typename.startswith(_TABLES + _BY_LIBRARY) or _is_arrow_array(typename)):
        return _array_method(obj)
    return None


def buffer_of(obj):
    """What exports the buffer of a tensor. BufferError if the object is none."""
    if not obj.typename.startswith(_TENSORS):
        raise BufferError(
            f"an object of type '{obj.typename}' is no array: read its parts by obj.member(key), or client.get(obj)"
        )
    return _value(obj)


def _value(obj):
    """What `client.get` gives by the built-in types, whatever a program registered."""
    from ..core.resolver import get_current_resolvers
    from .builtin import builtin_resolver_for

    resolver, _ = builtin_resolver_for(obj.typename)
    return resolver(obj, get_current_resolvers(), {"as_array": True} if obj.typename.startswith(_TENSORS) else {})


def _is_arrow_array(typename):
    from .arrow import resolve_array
    from .builtin import builtin_resolver_for

    return builtin_resolver_for(typename)[0] is resolve_array


def _arrow_method(obj, typename, name):
    if typename.startswith("vineyard::RecordBatch") and name == "__arrow_c_array__":
        return _batch_method(obj)
    if typename.startswith(_TABLES):
        return getattr(_core._arrow_table(obj), name, None)
    if typename.startswith(_BY_LIBRARY):
        return getattr(_value(obj), name, None)
    return getattr(_core._arrow_array(obj), name, None) if _is_arrow_array(typename) else None


def _batch_method(obj):
    def __arrow_c_array__(requested_schema=None):  # noqa: N807 - it is the protocol's name
        return _core._arrow_table(obj)._batch_capsules()

    return __arrow_c_array__


def _array_method(obj):
    def __array__(dtype=None, copy=None):  # noqa: N807
        import numpy as np

        value = _value(obj)
        if copy is None:
            return np.asarray(value, dtype)
        # NumPy 1 knows no "never"; its False is what NumPy 2 calls None.
        return np.array(value, dtype, copy=copy)

    return __array__


def _tensor_attribute(obj, name):
    if name == "__array__":
        return _array_method(obj)
    if name == "__array_interface__":
        return _interface_of(_value(obj))
    return _dlpack_device if name == "__dlpack_device__" else _dlpack_method(lambda: _value(obj))


def _interface_of(array):
    """With what holds the bytes' pin in place of their address: that is what a consumer keeps."""
    interface = dict(array.__array_interface__)
    if array.base is not None:
        interface["data"] = array.base
    return interface


def _dlpack_device():
    return _CPU


def _dlpack_method(array_of):
    def __dlpack__(*, stream=None, max_version=None, dl_device=None, copy=None):  # noqa: N807
        return _dlpack(array_of(), stream, max_version, dl_device, copy)

    return __dlpack__


def _dlpack(array, stream, max_version, dl_device, copy):
    """A capsule of the shared bytes, marked read-only; for a consumer that knows no such mark, of a copy."""
    if dl_device is not None and tuple(dl_device) != _CPU:
        raise BufferError(f"the array is in the memory of this host {_CPU}, not on device {tuple(dl_device)}")
    if stream is not None:
        raise BufferError("an array in the memory of this host has no stream: leave `stream` out")
    says_read_only = max_version is not None and tuple(max_version) >= (1, 0)
    if says_read_only and not copy:
        try:
            return array.__dlpack__(max_version=max_version)
        except TypeError:
            pass  # NumPy before 2.1 cannot say "read-only" either
    if copy is False:
        raise BufferError(
            "the array is read-only, which only DLPack 1.0 can say: pass max_version=(1, 0), or allow a copy"
        )
    own = array.copy(order="K")
    return own.__dlpack__()  # its owner may write to it, so the old form does


def blob_dlpack(self, *, stream=None, max_version=None, dl_device=None, copy=None):
    """A DLPack capsule of the bytes, marked read-only; for a consumer of before DLPack 1.0, of a copy."""
    import numpy as np

    return _dlpack(np.frombuffer(self, np.uint8), stream, max_version, dl_device, copy)


def blob_dlpack_device(self):
    """DLPack's device of ordinary memory."""
    return _CPU


# ---- in


class _Capsules:
    """What a protocol gave, to be taken once."""

    def __init__(self, capsules):
        self._capsules = capsules

    def __arrow_c_array__(self, requested_schema=None):
        return self._capsules

    def __arrow_c_stream__(self, requested_schema=None):
        return self._capsules


def encode_other(writer, node, value, scope):
    """Writes a value that no builder knows: plain, else by the first protocol that it offers and that works.

    NotImplemented, and nothing written: it can only be pickled. Protocols are looked for on the class, as Python does
    with its own: a class, module or mock offers none.
    """
    from .builtin import is_complete
    from .python import _encode_plain

    if _encode_plain(writer, node, value, scope) is not NotImplemented:
        return None
    if not is_complete():  # a put inside the import of the library that the value may be of
        return NotImplemented
    reasons = []
    for name, prepare in _PROTOCOLS:
        if name is not None and getattr(type(value), name, None) is None:
            continue
        try:
            write = prepare(value)
        except (MemoryError, RecursionError):
            raise
        except Exception as e:  # a class may raise anything here
            reasons.append(f"its {name or 'buffer'} failed: {e}")
            continue
        if write is not None and write(writer, node, scope) is not NotImplemented:
            return None
    return _encode_pickle(writer, node, value, scope, reasons) if reasons else NotImplemented


def _encode_pickle(writer, node, value, scope, reasons):
    from .pickle import encode

    try:
        return encode(writer, node, value, scope)
    except TypeError as e:
        raise TypeError(f"{e} ({'; '.join(reasons)})") from None


# Each of these asks a value for its data, and returns what writes them: `f(writer, node, scope)`, or None.


def _from_arrow_array(value):
    capsules = _Capsules(value.__arrow_c_array__())
    return lambda writer, node, scope: writer.set_array(node, capsules)


def _from_arrow_stream(value):
    capsule = value.__arrow_c_stream__()
    chunks = _core._stream_chunks(capsule)
    if chunks is None:
        return lambda writer, node, scope: writer.set_table(node, _Capsules(capsule))
    if not chunks:  # only a library can say a type without data
        return _from_empty_stream(value)
    arrays = [_Capsules(pair) for _, pair in chunks]
    if len(arrays) == 1:
        return lambda writer, node, scope: writer.set_array(node, arrays[0])
    length = sum(count for count, _ in chunks)
    return lambda writer, node, scope: _write_chunks(writer, node, arrays, length)


def _from_empty_stream(value):
    import pyarrow as pa

    from .arrow import _encode_chunked

    empty = pa.chunked_array(value)
    return lambda writer, node, scope: _encode_chunked(writer, node, empty, scope)


def _write_chunks(writer, node, arrays, length):
    writer.set_type(node, "vineyard::ChunkedArray")
    writer.set(node, "length_", length)
    writer.set(node, "chunks_-size", len(arrays))
    for i, array in enumerate(arrays):
        writer.set_array(writer.add_node(node, f"chunks_-{i}"), array)


def _from_dlpack(value):
    device = getattr(value, "__dlpack_device__", None)
    if device is not None and device()[0] != _CPU[0]:
        raise BufferError(f"it is on device {tuple(device())}, and only memory of the host can be read: copy it there")
    import numpy as np

    return _from_array(np.from_dlpack(value))


def _from_array_interface(value):
    import numpy as np

    return _from_array(np.asarray(value))


def _from_buffer(value):
    # Python's own arrays are pickled, and come back as what they were.
    if type(value).__module__ in _PICKLED:
        return None
    try:
        view = memoryview(value)
    except TypeError:
        return None
    import numpy as np

    return _from_array(np.asarray(view))


def _from_array(array):
    from .tensor import encode_array

    if array.dtype.hasobject:
        return None
    return lambda writer, node, scope: encode_array(writer, node, array, scope)


_PICKLED = ("array", "_pickle", "builtins")
_PROTOCOLS = (
    ("__arrow_c_array__", _from_arrow_array),
    ("__arrow_c_stream__", _from_arrow_stream),
    ("__dlpack__", _from_dlpack),
    ("__array_interface__", _from_array_interface),
    (None, _from_buffer),
)
