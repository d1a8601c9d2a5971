# SPDX-License-Identifier: Apache-2.0
"""Values of Python itself.

A list or tuple is a `vineyard::Sequence` whose elements are inline members; a dict with arrays in it is a
`vineyard::Dict` in the same way. Long or nested ones of plain values only are one run of bytes, `vineyard::Plain<type>`.
"""

from __future__ import annotations

from .. import _core
from ..meta import ObjectMeta
from .builtin import register
from .plain import pack, unpack
from .protocols import encode_other

_FEW = 64  # elements that are worth being members, which other languages can read
_MANY = 20000  # members of one document
_IN_DOCUMENT = 4096  # bytes that are a field; more are payload


def _encode_scalar(writer, node, value, scope):
    if writer.set_scalar(node, value):
        return None
    if type(value) is int:
        writer.set_type(node, "vineyard::Scalar<int>")
        writer.set(node, "type_", "int")
        writer.set(node, "value_", hex(value))
        return None
    if type(value) is not str:
        return NotImplemented
    writer.set_type(node, "vineyard::Scalar<std::string>")
    writer.set(node, "type_", "str")
    try:
        data = value.encode()
    except UnicodeEncodeError:
        data = value.encode("utf-8", "surrogatepass")
        writer.set(node, "encoding_", "surrogatepass")
    writer.set(node, "size_", len(data))
    writer.add_buffer(node, "buffer_", data)
    return None


def resolve_scalar(obj, context, options):
    """None, bool, int, float or str."""
    value = obj._scalar()
    if value is not NotImplemented:
        return value
    value = obj._field("value_")
    kind = obj._field("type_")
    if kind == "int" and isinstance(value, str):
        return int(value, 16)
    if obj.typename == "vineyard::Scalar<std::string>" and value is None:
        buffer = obj._buffer("buffer_")
        return "" if buffer is None else str(buffer, "utf-8", obj._field("encoding_") or "strict")
    return value


def resolve_blob(obj, context, options):
    """The Blob itself."""
    return obj


def _write_plain(writer, node, name, data):
    writer.set_type(node, f"vineyard::Plain<{name}>")
    if len(data) <= _IN_DOCUMENT:
        writer.set(node, "value_", data)
    else:
        writer.add_buffer(node, "buffer_", data)


def _encode_plain(writer, node, value, scope):
    data = pack(value)
    if data is None:
        return NotImplemented
    return _write_plain(writer, node, type(value).__name__, data)


def resolve_plain(obj, context, options):
    """dict, set, complex, bytearray, datetime and the like: a copy."""
    data = obj._field("value_")
    return unpack(obj._buffer("buffer_") if data is None else data)


def _encode_sequence(writer, node, value, scope):
    if type(value) is not list and type(value) is not tuple:
        return NotImplemented
    size = len(value)
    if size > _FEW or scope.depth > 0:
        data = pack(value)
        if data is not None:
            return _write_plain(writer, node, type(value).__name__, data)
    if size > _MANY:
        return NotImplemented
    writer.set_type(node, "vineyard::Sequence")
    writer.set(node, "type_", type(value).__name__)
    writer.set(node, "size_", size)
    writer.set(node, "__elements_-size", size)
    for i, item in enumerate(value):
        scope.member(writer, node, f"__elements_-{i}", item)
    return None


def resolve_sequence(obj, context, options):
    """A list or tuple of its elements' values."""
    size = int(obj._field("__elements_-size", 0))
    values = [context.run(obj.member(f"__elements_-{i}"), **options) for i in range(size)]
    return values if obj._field("type_") == "list" else tuple(values)


def resolve_pair(obj, context, options):
    """A tuple of two, as C++ puts a pair."""
    return tuple(context.run(obj.member(key), **options) for key in ("first_", "second_"))


def _encode_dict(writer, node, value, scope):
    if type(value) is not dict:
        return NotImplemented
    data = pack(value)
    if data is not None:
        return _write_plain(writer, node, "dict", data)
    keys = pack(list(value))
    if keys is None or len(value) > _MANY:
        return NotImplemented
    writer.set_type(node, "vineyard::Dict")
    return write_items(writer, node, keys, value, scope)


def write_items(writer, node, keys, value, scope):
    """Writes the items of a dict whose keys were packed."""
    writer.set(node, "size_", len(value))
    if len(keys) <= _IN_DOCUMENT:
        writer.set(node, "keys_", keys)
    else:
        writer.add_buffer(node, "keys_buffer_", keys)
    writer.set(node, "__values_-size", len(value))
    for i, item in enumerate(value.values()):
        scope.member(writer, node, f"__values_-{i}", item)
    return None


def resolve_dict(obj, context, options):
    """A dict of its values' values, in the order it had."""
    return dict(read_items(obj, context, options))


def read_items(obj, context, options):
    """The (key, value) pairs that `write_items` wrote."""
    keys = obj._field("keys_")
    keys = unpack(obj._buffer("keys_buffer_") if keys is None else keys)
    return ((key, context.run(obj.member(f"__values_-{i}"), **options)) for i, key in enumerate(keys))


def _put_bytes(client, value):
    view = memoryview(value)
    return client._put_buffer(view if view.c_contiguous else view.tobytes())


def _put_blob(client, value):
    """A blob is put by its id when it is of this instance; part of one is copied."""
    return value.id if value._has_id and client.exists(value.id) else client._put_buffer(value)


def _encode_bytes(writer, node, value, scope):
    return _encode_plain(writer, node, value if type(value) is bytes else bytes(value), scope)


def _put_id(client, value):
    return value if isinstance(value, _core.ObjectID) else value._vineyard_id()


for _type in (int, float, str, bool, type(None)):
    register(_type, _encode_scalar)
for _type in (list, tuple):
    register(_type, _encode_sequence)
register(dict, _encode_dict)
register(bytes, _encode_bytes, whole=_put_bytes)
register(memoryview, None, whole=_put_bytes)
register(_core.Blob, None, whole=_put_blob)
for _type in (_core.ObjectID, _core.Object, ObjectMeta):
    register(_type, None, whole=_put_id)
# Everything else: plain if it can be, or by a protocol that it offers; else pickled.
register(object, encode_other)
