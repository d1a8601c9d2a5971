# SPDX-License-Identifier: Apache-2.0
"""scipy.sparse matrices and arrays of two dimensions as `vineyard::<K>Matrix<dtype>`: their parts are tensors.

lil and dok are made of Python objects, and arrays of other dimensions have no such type: these are pickled.
"""

from __future__ import annotations

import json

import numpy as np
import scipy.sparse

from .builtin import register
from .pickle import is_private

# By format: the members, in the words of scipy, and which attribute it has beside.
_PARTS = {
    "bsr": ("data", "indices", "indptr"),
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
}
_SORTED = ("bsr", "csr", "csc")
_CLASSES = {
    getattr(scipy.sparse, f"{name}_{kind}"): (name, kind == "array") for name in _PARTS for kind in ("matrix", "array")
}


def _encode(writer, node, value, scope):
    name, is_array = _CLASSES.get(type(value), (None, False))
    if name is None or len(value.shape) != 2:
        return NotImplemented
    writer.set_type(node, f"vineyard::{name.upper()}Matrix<{value.dtype.name}>")
    index = scope.options.get("partition_index", ()) if scope.depth == 0 else ()
    writer.set_fields(
        node,
        {
            "value_type_": value.dtype.name,
            "shape_": json.dumps(list(map(int, value.shape))),
            "partition_index_": json.dumps(list(index)),
        },
    )
    writer.set(node, "ndim", 2)
    writer.set(node, "nnz", int(value.nnz))
    if is_array:
        writer.set(node, "is_array_", True)
    if name == "bsr":
        writer.set(node, "blocksize", json.dumps(list(map(int, value.blocksize))))
    if name in _SORTED:
        writer.set(node, "has_sorted_indices", bool(value.has_sorted_indices))
    if name == "coo":
        writer.set(node, "has_canonical_format_", bool(value.has_canonical_format))
    for part in _PARTS[name]:
        scope.member(writer, node, part, getattr(value, part))
    return None


def resolve(obj, context, options):
    """A matrix or array over the shared bytes."""
    name = obj.typename[len("vineyard::") :].partition("Matrix")[0].lower()
    cls = getattr(scipy.sparse, f"{name}_{'array' if obj._field('is_array_') else 'matrix'}")
    parts = {part: context.run(obj.member(part), **options) for part in _PARTS[name]}
    shape = tuple(json.loads(obj._field("shape_")))
    sizes = {"blocksize": tuple(json.loads(obj._field("blocksize")))} if name == "bsr" else {}
    # Not through the constructor's (data, indices, indptr): it may take other index types, and copy.
    value = cls(shape, dtype=parts["data"].dtype, **sizes)
    for part, array in parts.items():
        setattr(value, part, array)
    _check(obj, name, value)
    if name in _SORTED and obj._field("has_sorted_indices") is not None:
        value.has_sorted_indices = bool(obj._field("has_sorted_indices"))
    if name == "coo":
        value.has_canonical_format = bool(obj._field("has_canonical_format_"))
    return value


def _check(obj, name, value):
    """Another user's indices must not lead out of the matrix: scipy would follow them."""
    try:
        if is_private(obj._client_handle):
            return
        if name in _SORTED:
            value.check_format(full_check=True)
        elif name == "dia":
            if value.data.ndim != 2 or value.offsets.shape != value.data.shape[:1]:
                raise ValueError("offsets and data do not fit")
        else:
            for indices, size in zip((value.row, value.col), value.shape, strict=True):
                if indices.shape != value.data.shape or (
                    indices.size and not 0 <= indices.min() <= indices.max() < size
                ):
                    raise ValueError("row or column indices do not fit")
    except (ValueError, IndexError, np.exceptions.AxisError) as e:
        from ..errors import CorruptException

        raise CorruptException(f"the parts of {obj!r} do not make a {name} matrix: {e}") from e


for _type in _CLASSES:
    register(_type, _encode, options=("partition_index",))
