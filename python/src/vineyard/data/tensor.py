# SPDX-License-Identifier: Apache-2.0
"""NumPy arrays as `vineyard::Tensor<T>`, of every dtype.

The bytes are the array's own, in C or Fortran order as the array has them; any other layout is copied into C order.
What comes back is a read-only view of them. Object arrays of str and None are kept as text, other ones are pickled.
"""

from __future__ import annotations

import numpy as np

from .. import _core
from .builtin import register

# Type names in C++ spelling; all others are NumPy's.
_CPP_NAMES = {"int32": "int", "float32": "float", "float64": "double"}
# The only library whose dtypes are asked for by name, when it is there.
_DTYPE_LIBRARY = "ml_dtypes"
# From this size on a view of an object is put again without a copy; below, asking whether it may costs more.
_SHARE_AT = 1 << 20
_dtypes = {}


def _dtype_fields(dtype):
    """(type name, name, text it is made from, kind of that text) of a dtype; None if it can only be pickled."""
    name = dtype.name
    if dtype.hasobject or dtype.char == "T" or dtype.metadata:
        return None
    if dtype.names is not None or dtype.subdtype is not None:
        try:
            text = repr(np.lib.format.dtype_to_descr(dtype))
            if _from_description(text) != dtype:
                return None
        except (ValueError, TypeError):
            return None
        return "vineyard::Tensor<void>", name, text, "fields"
    if dtype.isbuiltin == 2:
        if type(dtype).__module__.partition(".")[0] != _DTYPE_LIBRARY and dtype.type.__module__ != _DTYPE_LIBRARY:
            return None
        return f"vineyard::Tensor<{name}>", name, name, _DTYPE_LIBRARY
    return f"vineyard::Tensor<{_CPP_NAMES.get(name, name)}>", name, dtype.str, None


def _from_description(text):
    import ast

    return np.lib.format.descr_to_dtype(ast.literal_eval(text))


def _dtype_of(obj):
    text = obj._field("value_type_meta_")
    kind = obj._field("value_type_kind_")
    if kind is None and isinstance(text, str):
        dtype = _dtypes.get(text)
        if dtype is None:
            dtype = np.dtype(text)
            if dtype.hasobject:
                raise _corrupt(f"the dtype of {obj!r} holds Python objects")
            _dtypes[text] = dtype
        return dtype
    if kind == "fields":
        dtype = _from_description(text)
        if dtype.hasobject:
            raise _corrupt(f"the dtype of {obj!r} holds Python objects")
        return dtype
    if kind == _DTYPE_LIBRARY:
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, text))
    return _dtype_of_name(obj._field("value_type_"))


def _dtype_of_name(name):
    """A dtype by the names that other languages write."""
    from .utils import normalize_dtype

    dtype = normalize_dtype(name)
    return dtype if isinstance(dtype, np.dtype) else np.dtype(dtype)


def _corrupt(text):
    from ..errors import CorruptException

    return CorruptException(text)


def shared_range(array, client):
    """(blob, offset) if the bytes of a contiguous array are most of a blob of that instance, else None."""
    if array.nbytes < _SHARE_AT:
        return None
    base = array.base
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if not isinstance(base, _core.Blob) or base._source is None or array.nbytes * 2 < len(base):
        return None
    start = array.__array_interface__["data"][0] - base.address
    source, offset = base._source
    return (source, offset + start) if client.exists(source) else None


def raw_bytes(array):
    """The bytes of a contiguous array, whatever its dtype, as a flat array of bytes."""
    return array.reshape(-1).view(np.uint8)


def write_array(writer, node, key, array, scope):
    """Writes the bytes of an array, without its dtype and shape, as a buffer; returns the order they are in."""
    order, flat = "C", array
    if not array.flags.c_contiguous and array.flags.f_contiguous:
        order, flat = "F", array.T
    if flat.nbytes == 0:
        return order
    if not flat.flags.c_contiguous:
        shape, dtype = array.shape, array.dtype
        writer.add_room(node, key, array.nbytes, lambda room: np.copyto(np.ndarray(shape, dtype, room), array))
        return "C"
    shared = shared_range(flat, scope.client)
    if shared is not None:
        writer.share_range(node, key, *shared, flat.nbytes)
    else:
        writer.add_buffer(node, key, raw_bytes(flat))
    return order


def _encode_objects(writer, node, array):
    """Object arrays of str and None, and string arrays of variable length, as text."""
    if array.dtype.char == "T":
        if hasattr(array.dtype, "na_object") or not array.dtype.coerce:
            return NotImplemented
        items = array.astype(object).ravel().tolist()
    elif array.dtype.char == "O":
        items = array.ravel().tolist()
    else:
        return NotImplemented
    packed = _core._pack_strings(items)
    if packed is None:
        return NotImplemented
    writer.set_type(node, "vineyard::Tensor<std::string>")
    writer.set(node, "value_type_", "string")
    writer.set(node, "value_type_kind_", "StringDType" if array.dtype.char == "T" else "object")
    writer.set(node, "shape_", list(array.shape))
    offsets, data, bitmap = packed
    writer.add_buffer(node, "buffer_offsets_", offsets)
    writer.add_buffer(node, "buffer_data_", data)
    if bitmap is not None:
        writer.add_buffer(node, "null_bitmap_", bitmap)
    return None


def encode_array(writer, node, array, scope):
    """Writes a plain array (no subclass)."""
    fields = _dtype_fields(array.dtype)
    if fields is None:
        return _encode_objects(writer, node, array)
    typename, name, text, kind = fields
    writer.set_type(node, typename)
    writer.set(node, "value_type_", name)
    writer.set(node, "value_type_meta_", text)
    if kind is not None:
        writer.set(node, "value_type_kind_", kind)
    writer.set(node, "shape_", list(array.shape))
    order = write_array(writer, node, "buffer_", array, scope)
    if order == "F":
        writer.set(node, "order_", "F")
    writer.set_nbytes(node, array.nbytes)
    return None


def _encode(writer, node, value, scope):
    if type(value) is np.memmap:
        value = value.view(np.ndarray)
    if type(value) is not np.ndarray:
        return NotImplemented
    if scope.depth == 0 and "partition_index" in scope.options:
        if _dtype_fields(value.dtype) is None:
            raise TypeError("only arrays of numbers can be a part of a global tensor")
        writer.set(node, "partition_index_", [int(i) for i in scope.options["partition_index"]])
    return encode_array(writer, node, value, scope)


def _encode_masked(writer, node, value, scope):
    if type(value) is not np.ma.MaskedArray or value.dtype.names is not None or _dtype_fields(value.dtype) is None:
        return NotImplemented
    encode_array(writer, node, value.data, scope)
    mask = value.mask
    writer.set(node, "is_masked_", True)
    writer.set(node, "fill_value_", value.fill_value.tobytes())
    writer.set(node, "hard_mask_", bool(value.hardmask))
    if mask is not np.ma.nomask:
        writer.add_buffer(node, "mask_", np.ascontiguousarray(mask))
    return None


def _shape_of(obj):
    shape = obj._field("shape_")
    if isinstance(shape, str):
        import json

        shape = json.loads(shape)
    return tuple(shape)


def _resolve_objects(obj, shape):
    count = 1
    for length in shape:
        count *= length
    offsets, data = obj._buffer("buffer_offsets_"), obj._buffer("buffer_data_")
    items = _core._unpack_strings(count, offsets or b"", data or b"", obj._buffer("null_bitmap_"))
    array = np.empty(count, object)
    array[:] = items
    array = array.reshape(shape)
    return array.astype(np.dtypes.StringDType()) if obj._field("value_type_kind_") == "StringDType" else array


def _empty(shape, dtype):
    array = np.empty(shape, dtype)
    array.flags.writeable = False
    return array


def resolve(obj, context, options):
    """A read-only array over the shared bytes; object arrays are a copy."""
    shape = _shape_of(obj)
    if obj.typename == "vineyard::Tensor<std::string>":
        return _resolve_objects(obj, shape)
    dtype = _dtype_of(obj)
    buffer = obj._buffer("buffer_")
    order = "F" if obj._field("order_") in ("F", '"F"') else "C"
    if buffer is None or len(buffer) == 0:
        array = _empty(shape, dtype)
        if array.nbytes:
            raise _corrupt(f"the bytes of {obj!r} are missing")
    else:
        try:
            array = np.ndarray(shape, dtype, buffer, 0, None, order)
        except TypeError as e:
            raise _corrupt(f"the bytes of {obj!r} do not fill its shape {shape}: {e}") from e
    if obj._field("is_masked_"):
        return _resolve_masked(obj, array, shape)
    return array


def _resolve_masked(obj, array, shape):
    mask = obj._buffer("mask_")
    if mask is None:
        mask = np.ma.nomask if array.size else np.zeros(shape, bool)
    else:
        mask = np.ndarray(shape, bool, mask)
    masked = np.ma.MaskedArray(array, mask, hard_mask=obj._field("hard_mask_"))
    masked.fill_value = np.frombuffer(obj._field("fill_value_"), array.dtype, 1)[0]
    return masked


def _encode_number(writer, node, value, scope):
    from .python import _encode_plain

    return _encode_plain(writer, node, value, scope)


register(np.ndarray, _encode, options=("partition_index",))
register(np.ma.MaskedArray, _encode_masked)
for _type in (np.generic, np.str_, np.bytes_):
    register(_type, _encode_number)
