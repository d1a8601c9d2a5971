# SPDX-License-Identifier: Apache-2.0
"""NumPy arrays as `vineyard::Tensor<T>`, of every dtype.

The bytes are the array's own; what comes back is a read-only view of them. An array in Fortran order stays in it, as a
`vineyard::ColumnMajorTensor<T>`, since the bytes of a Tensor are row-major for every reader; any other layout is copied
into C order. Object arrays of str and None are kept as text, other ones are pickled.
"""

from __future__ import annotations

import numpy as np

from .. import _core
from .builtin import register
from .collections import make_global_tensor  # noqa: F401 - programs find it here

ndarray = np.ndarray  # what `get` gives: the views here are plain arrays, read-only

# Type names in C++ spelling; all others are NumPy's.
_CPP_NAMES = {"int32": "int", "float32": "float", "float64": "double"}
# The only library whose dtypes are asked for by name, when it is there.
_DTYPE_LIBRARY = "ml_dtypes"
# From this size on a view of an object is put again without a copy; below, asking whether it may costs more.
_SHARE_AT = 1 << 20
_PREFIXES = {"C": "Tensor", "F": "ColumnMajorTensor"}
_STRINGS = "vineyard::BaseBinaryArray<arrow::LargeStringArray>"
_dtypes = {}
_fields = {}
_shapes = {}


def _dtype_fields(dtype):
    """(T, value_type_, text it is made from, kind of that text) of a dtype; None if it can only be pickled."""
    if dtype.metadata:
        return None
    try:
        return _fields[dtype]
    except KeyError:
        fields = _find_fields(dtype)
        if len(_fields) > 4096:
            _fields.clear()
        _fields[dtype] = fields
        return fields


def _find_fields(dtype):
    name = dtype.name
    if dtype.hasobject or dtype.char == "T":
        return None
    if dtype.names is not None or dtype.subdtype is not None:
        try:
            text = repr(np.lib.format.dtype_to_descr(dtype))
            if _from_description(text) != dtype:
                return None
        except (ValueError, TypeError):
            return None
        return "void", name, text, "fields"
    if dtype.isbuiltin == 2:
        if type(dtype).__module__.partition(".")[0] != _DTYPE_LIBRARY and dtype.type.__module__ != _DTYPE_LIBRARY:
            return None
        return name, name, name, _DTYPE_LIBRARY
    if not dtype.isnative:
        return "big_" + name, "big_" + name, dtype.str, None  # a name that readers in other languages refuse
    return _CPP_NAMES.get(name, name), name, dtype.str, None


def _from_description(text):
    import ast

    return np.lib.format.descr_to_dtype(ast.literal_eval(text))


def _dtype_of(obj, text, kind):
    """The dtype that the fields of a tensor say."""
    if kind is None and isinstance(text, str):
        dtype = np.dtype(text)
    elif kind == "fields":
        dtype = _from_description(text)
    elif kind == _DTYPE_LIBRARY:
        import ml_dtypes

        dtype = np.dtype(getattr(ml_dtypes, text))
    elif kind == "torch":
        dtype = np.dtype(text)  # of its bits, where NumPy lacks the dtype
    else:
        dtype = _dtype_of_name(obj._field("value_type_"))
    if dtype.hasobject:
        raise _corrupt(f"the dtype of {obj!r} holds Python objects")
    return dtype


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
    order, flat, flags = "C", array, array.flags
    if not flags.c_contiguous and flags.f_contiguous:
        order, flat = "F", array.T
    if array.nbytes == 0:
        writer.add_buffer(node, key, b"")
        return order
    if not flags.c_contiguous and order == "C":
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
    if not write_strings(writer, lambda: _text_node(writer, node, array), items):
        return NotImplemented
    return None


def _text_node(writer, node, array):
    writer.set_type(node, "vineyard::Tensor<std::string>")
    writer.set(node, "value_type_", "string")
    writer.set(node, "value_type_meta_", "str")
    writer.set(node, "value_type_kind_", "StringDType" if array.dtype.char == "T" else "object")
    writer.set(node, "shape_", _shape_text(array.shape))
    writer.set(node, "order_", '"C"')
    writer.set(node, "partition_index_", "[]")
    return writer.add_node(node, "buffer_", _STRINGS)


def write_strings(writer, make_node, items):
    """Writes a list of str and None as an Arrow string array into a node that `make_node` gives; False if it is none."""
    packed = _core._pack_strings(items)
    if packed is None:
        return False
    offsets, data, bitmap = packed
    node = make_node()
    writer.set(node, "length_", len(items))
    writer.set(node, "null_count_", items.count(None) if bitmap is not None else 0)
    writer.set(node, "offset_", 0)
    writer.add_buffer(node, "buffer_offsets_", offsets)
    writer.add_buffer(node, "buffer_data_", data)
    writer.add_buffer(node, "null_bitmap_", b"" if bitmap is None else bitmap)
    return True


def read_strings(obj):
    """The list that `write_strings` wrote."""
    bitmap = obj._buffer("null_bitmap_")
    return _core._unpack_strings(
        obj._field("length_", 0),
        obj._buffer("buffer_offsets_") or b"",
        obj._buffer("buffer_data_") or b"",
        bitmap if bitmap else None,
    )


def encode_array(writer, node, array, scope, prefix=None, partition_index=None, torch_name=None):
    """Writes a plain array (no subclass); `torch_name` is the dtype of the PyTorch tensor whose bits it has."""
    fields = _dtype_fields(array.dtype)
    if fields is None:
        return _encode_objects(writer, node, array)
    argument, name, text, kind = fields
    if torch_name is not None:
        kind = "torch"
        if torch_name != name:
            argument = name = torch_name
    order = write_array(writer, node, "buffer_", array, scope)
    writer.set_type(node, f"vineyard::{prefix or _PREFIXES[order]}<{argument}>")
    fields = {
        "value_type_": name,
        "value_type_meta_": text,
        "shape_": _shape_text(array.shape),
        "order_": f'"{order}"',
        "partition_index_": "[]" if partition_index is None else _shape_text(partition_index),
    }
    if kind is not None:
        fields["value_type_kind_"] = kind
    writer.set_fields(node, fields)
    writer.set_nbytes(node, array.nbytes)
    return None


def _shape_text(shape):
    return f"[{', '.join(map(str, shape))}]"


def _encode(writer, node, value, scope):
    if type(value) is np.memmap:
        value = value.view(np.ndarray)
    if type(value) is not np.ndarray:
        return NotImplemented
    index = scope.options.get("partition_index") if scope.depth == 0 else None
    if index is not None and _dtype_fields(value.dtype) is None:
        raise TypeError("only arrays of numbers can be a part of a global tensor")
    return encode_array(writer, node, value, scope, None, index)


def _encode_masked(writer, node, value, scope):
    if type(value) is not np.ma.MaskedArray or value.dtype.names is not None or _dtype_fields(value.dtype) is None:
        return NotImplemented
    encode_array(writer, node, np.asarray(value.data, order="C"), scope, "MaskedTensor")
    mask = value.mask
    fill = np.asarray(value.fill_value)
    # NumPy's default need not fit the dtype: then nothing is said, and the reader has the same default.
    if fill.dtype == value.dtype or (value.dtype.kind in "SU" and fill != np.ma.default_fill_value(value.dtype)):
        writer.set(node, "fill_value_", fill.astype(value.dtype).tobytes())
    writer.set(node, "hard_mask_", bool(value.hardmask))
    if mask is not np.ma.nomask:
        writer.add_buffer(node, "mask_", raw_bytes(np.asarray(mask, order="C")))
    return None


def _shape_of(text):
    """The shape that a tensor's field says: JSON text, or a list."""
    if not isinstance(text, str):
        return tuple(text)
    import json

    shape = tuple(json.loads(text))
    if len(_shapes) > 4096:
        _shapes.clear()
    _shapes[text] = shape
    return shape


def _resolve_objects(obj):
    shape = _shape_of(obj._field("shape_"))
    items = read_strings(obj.member("buffer_"))
    array = np.empty(len(items), object)
    array[:] = items
    array = array.reshape(shape)
    return array.astype(np.dtypes.StringDType()) if obj._field("value_type_kind_") == "StringDType" else array


def resolve(obj, context, options, order="C"):
    """A read-only array over the shared bytes, or the PyTorch tensor that was put."""
    text, meta, kind = obj._fields("shape_", "value_type_meta_", "value_type_kind_")
    array = _resolve_array(obj, text, meta, kind, order)
    return array if kind != "torch" else _as_torch(obj, array, options)


def _as_torch(obj, array, options):
    """The tensor; as an array where that is asked for, or where there is no PyTorch."""
    if not options.get("as_array"):
        try:
            from .torch import resolve as resolve_torch

            return resolve_torch(obj, array)
        except ModuleNotFoundError as e:
            if e.name != "torch":
                raise
    name = obj._field("value_type_")
    if name == array.dtype.name:
        return array
    try:
        return array.view(_ml_dtype(name))
    except (ImportError, AttributeError) as e:
        fix = "get it with PyTorch, or install ml_dtypes"
        raise TypeError(f"{obj!r} is of torch.{name}, which NumPy lacks: {fix}") from e


def _ml_dtype(name):
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, name))


def _resolve_array(obj, text, meta, kind, order):
    shape = _shapes.get(text) if isinstance(text, str) else None
    if shape is None:
        shape = _shape_of(text)
    dtype = _dtypes.get(meta) if kind is None else None
    if dtype is None:
        dtype = _dtype_of(obj, meta, kind)
        if kind is None and len(_dtypes) < 4096 and isinstance(meta, str):
            _dtypes[meta] = dtype
    buffer = obj._buffer("buffer_")
    if buffer:
        try:
            return np.ndarray(shape, dtype, buffer, 0, None, order)
        except TypeError as e:
            raise _corrupt(f"the bytes of {obj!r} do not fill its shape {shape}: {e}") from e
    array = np.empty(shape, dtype, order)
    if array.nbytes:
        raise _corrupt(f"the bytes of {obj!r} are missing")
    array.flags.writeable = False
    return array


def resolve_text(obj, context, options):
    """An array of str and None: a copy."""
    return _resolve_objects(obj)


def resolve_column_major(obj, context, options):
    """A read-only array in Fortran order over the shared bytes."""
    return resolve(obj, context, options, "F")


def resolve_masked(obj, context, options):
    """A masked array; data and mask are read-only."""
    array = resolve(obj, context, options)
    mask = obj._buffer("mask_")
    if mask is not None:
        mask = np.ndarray(array.shape, bool, mask) if mask else np.zeros(array.shape, bool)
    masked = np.ma.MaskedArray(array, np.ma.nomask if mask is None else mask, hard_mask=obj._field("hard_mask_"))
    fill = obj._field("fill_value_")
    if fill:
        masked.fill_value = np.frombuffer(fill, array.dtype, 1)[0]
    return masked


def _encode_number(writer, node, value, scope):
    from .python import _encode_plain

    return _encode_plain(writer, node, value, scope)


def register_masked():
    """Adds the builder of masked arrays."""
    register(np.ma.MaskedArray, _encode_masked)


register(np.ndarray, _encode, options=("partition_index",))
for _type in (np.generic, np.str_, np.bytes_):
    register(_type, _encode_number)
