# SPDX-License-Identifier: Apache-2.0
"""pandas frames, series and indexes, through public constructors only.

Each column is a member of its own (a tensor, or what its extension dtype is made of), all in one payload blob. Columns of
one dtype lie side by side, so that a frame of numbers comes back as one block without a copy.
"""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np
import pandas as pd

from .. import _core
from ..core.resolver import remember
from . import tensor
from .builtin import register
from .collections import make_global_dataframe  # noqa: F401 - programs find it here
from .ndarray_column import NDArrayArray
from .plain import pack, unpack

_EXTENSION = "vineyard::ExtensionArray<"
_FREQUENCIES = (pd.DatetimeIndex, pd.TimedeltaIndex)


class _Unfit(Exception):
    """A part that can only be pickled; then the whole is."""


# ---- arrays of extension dtypes


def _write_array(writer, parent, key, values, scope):
    """Writes the values of a column or index as a member."""
    if type(values) is pd.arrays.NumpyExtensionArray:
        values = values.to_numpy()
    elif isinstance(values, (pd.arrays.DatetimeArray, pd.arrays.TimedeltaArray)) and isinstance(values.dtype, np.dtype):
        values = np.asarray(values)
    if isinstance(values, np.ndarray):
        return scope.member(writer, parent, key, values)
    kind = _kind_of(values)
    if kind is None:
        return scope.member(writer, parent, key, _Opaque(values))
    node = writer.add_node(parent, key, f"{_EXTENSION}{kind}>")
    writer.set(node, "dtype_", str(values.dtype))
    _WRITERS[kind](writer, node, values, scope)
    return None


class _Opaque:
    """An array of a dtype that nobody here knows: to be pickled."""

    def __init__(self, values):
        self.values = values


def _encode_opaque(writer, node, value, scope):
    from .pickle import encode

    encode(writer, node, value.values, scope)


def _kind_of(values):
    dtype = values.dtype
    if isinstance(dtype, pd.StringDtype):
        return "string"
    if isinstance(dtype, pd.ArrowDtype):
        return "arrow"
    if isinstance(dtype, pd.CategoricalDtype):
        return "categorical"
    if isinstance(dtype, np.dtype):
        return None
    for cls, kind in _KINDS.items():
        if type(values) is cls:
            try:
                return kind if pd.api.types.pandas_dtype(str(dtype)) == dtype else None
            except (TypeError, ValueError):
                return None
    return None


def _write_datetimetz(writer, node, values, scope):
    scope.member(writer, node, "value_", values.asi8.view(f"M8[{values.dtype.unit}]"))


def _read_datetimetz(obj, dtype, context, options):
    values = context.run(obj.member("value_"), **options)
    # Numbers are points in time here; datetimes without a zone would be taken for local time.
    return dtype.construct_array_type()._from_sequence(values.view(np.int64), dtype=dtype, copy=False)


def _write_masked(writer, node, values, scope):
    mask = values.isna()
    scope.member(writer, node, "value_", values.to_numpy(values.dtype.numpy_dtype, na_value=values.dtype.numpy_dtype.type(0)))
    scope.member(writer, node, "mask_", mask)


def _read_masked(obj, dtype, context, options):
    values, mask = (context.run(obj.member(key), **options) for key in ("value_", "mask_"))
    return dtype.construct_array_type()(values, mask)


def _write_categorical(writer, node, values, scope):
    scope.member(writer, node, "codes_", values.codes)
    scope.member(writer, node, "categories_", values.categories)
    writer.set(node, "ordered_", bool(values.ordered))


def _read_categorical(obj, dtype, context, options):
    codes, categories = (context.run(obj.member(key), **options) for key in ("codes_", "categories_"))
    return pd.Categorical.from_codes(codes, categories, obj._field("ordered_"))


def _write_period(writer, node, values, scope):
    scope.member(writer, node, "value_", pd.PeriodIndex(values).asi8)


def _read_period(obj, dtype, context, options):
    return pd.arrays.PeriodArray(context.run(obj.member("value_"), **options), dtype=dtype)


def _write_interval(writer, node, values, scope):
    scope.member(writer, node, "left_", values.left)
    scope.member(writer, node, "right_", values.right)
    writer.set(node, "closed_", values.closed)


def _read_interval(obj, dtype, context, options):
    left, right = (context.run(obj.member(key), **options) for key in ("left_", "right_"))
    return pd.arrays.IntervalArray.from_arrays(left, right, obj._field("closed_"))


def _write_string(writer, node, values, scope):
    writer.set(node, "storage_", values.dtype.storage)
    writer.set(node, "has_nan_", values.dtype.na_value is not pd.NA)
    if values.dtype.storage == "pyarrow":
        import pyarrow as pa

        return _write_texts(writer, node, pa.array(values), scope)
    items = values.to_numpy(object, na_value=None).tolist()
    if not tensor.write_strings(writer, lambda: writer.add_node(node, "value_", "vineyard::TextArray"), items):
        raise _Unfit
    return None


_LARGEST_JOINED = 1 << 30  # bytes: offsets of 32 bits reach further


def _write_texts(writer, node, texts, scope):
    """Chunks are no part of a frame's meaning, and each costs every reader 10 us: they are put as one array."""
    if getattr(texts, "num_chunks", 1) > 1 and texts.nbytes < _LARGEST_JOINED:
        return writer.set_joined(writer.add_node(node, "value_"), texts.chunks)
    return scope.member(writer, node, "value_", texts)


@lru_cache
def _string_dtype(storage, has_nan):
    if not has_nan:
        return pd.StringDtype(storage)
    try:
        return pd.StringDtype(storage, na_value=np.nan)
    except TypeError:  # pandas 2.2
        return pd.StringDtype("pyarrow_numpy")


def _read_string(obj, dtype, context, options):
    dtype = _string_dtype(obj._field("storage_"), obj._field("has_nan_"))
    member = obj.member("value_")
    if member.typename == "vineyard::TextArray":
        return pd.array(tensor.read_strings(member), dtype=dtype)
    return dtype.__from_arrow__(context.run(member, **options))


def _write_arrow(writer, node, values, scope):
    import pyarrow as pa

    array = pa.array(values)
    scope.member(writer, node, "value_", array)


def _read_arrow(obj, dtype, context, options):
    array = context.run(obj.member("value_"), **options)
    return pd.ArrowDtype(array.type).__from_arrow__(array)


def _write_ndarray(writer, node, values, scope):
    scope.member(writer, node, "value_", values.to_numpy())


def _read_ndarray(obj, dtype, context, options):
    return NDArrayArray(context.run(obj.member("value_"), **options))


_KINDS = {
    NDArrayArray: "ndarray",
    pd.arrays.DatetimeArray: "datetimetz",
    pd.arrays.IntegerArray: "masked",
    pd.arrays.FloatingArray: "masked",
    pd.arrays.BooleanArray: "masked",
    pd.arrays.PeriodArray: "period",
    pd.arrays.IntervalArray: "interval",
}
_WRITERS = {
    "datetimetz": _write_datetimetz,
    "ndarray": _write_ndarray,
    "masked": _write_masked,
    "categorical": _write_categorical,
    "period": _write_period,
    "interval": _write_interval,
    "string": _write_string,
    "arrow": _write_arrow,
}
_READERS = {
    "datetimetz": _read_datetimetz,
    "ndarray": _read_ndarray,
    "masked": _read_masked,
    "categorical": _read_categorical,
    "period": _read_period,
    "interval": _read_interval,
    "string": _read_string,
    "arrow": _read_arrow,
}
_SELF_MADE = frozenset(("string", "arrow", "categorical"))  # their dtype is not made of its text
_dtype_of = lru_cache(pd.api.types.pandas_dtype)


def resolve_extension(obj, context, options):
    """An extension array, over the shared bytes where its constructor allows."""
    kind = obj.typename[len(_EXTENSION) : -1]
    dtype = None if kind in _SELF_MADE else _dtype_of(obj._field("dtype_"))
    return _READERS[kind](obj, dtype, context, options)


def _encode_extension(writer, node, value, scope):
    kind = _kind_of(value)
    if kind is None:
        return NotImplemented
    writer.set_type(node, f"{_EXTENSION}{kind}>")
    writer.set(node, "dtype_", str(value.dtype))
    return _WRITERS[kind](writer, node, value, scope)


# ---- names


def _write_name(writer, node, name):
    """A label: JSON text for other readers, and exactly."""
    packed = pack(name)
    if packed is None:
        raise _Unfit
    try:
        writer.set(node, "name", json.dumps(name))
    except (TypeError, ValueError):
        writer.set(node, "name", json.dumps(str(name)))
    if name is not None and type(name) is not str:
        writer.set(node, "name_packed_", packed)


def _read_name(obj):
    packed = obj._field("name_packed_")
    if packed is not None:
        return unpack(packed)
    name = obj._field("name")
    return json.loads(name) if isinstance(name, str) else None


def _check_names(index):
    """Raises _Unfit, before anything is written, if a label is not plain."""
    if any(pack(name) is None for name in index.names):
        raise _Unfit
    if isinstance(index, pd.MultiIndex):
        for level in index.levels:
            _check_names(level)


# ---- indexes


def _write_index(writer, node, index, scope):
    writer.set_type(node, "vineyard::Index")
    if isinstance(index, pd.MultiIndex):
        writer.set(node, "kind_", "multi")
        writer.set(node, "name", "null")
        writer.set(node, "names_packed_", pack(list(index.names)))
        writer.set(node, "levels_-size", index.nlevels)
        for i, (level, codes) in enumerate(zip(index.levels, index.codes)):
            _write_index(writer, writer.add_node(node, f"levels_-{i}"), level, scope)
            scope.member(writer, node, f"codes_-{i}", np.asarray(codes))
        return
    _write_name(writer, node, index.name)
    if isinstance(index, pd.RangeIndex):
        writer.set(node, "kind_", "range")
        for key in ("start", "stop", "step"):
            writer.set(node, key + "_", getattr(index, key))
        return
    writer.set(node, "kind_", "values")
    writer.set(node, "value_type_", str(index.dtype))
    if isinstance(index, _FREQUENCIES) and index.freq is not None:
        writer.set(node, "freq_", index.freqstr)
    _write_array(writer, node, "value_", index.array, scope)


def resolve_index(obj, context, options):
    """An index of the kind it was."""
    kind = obj._field("kind_", "values")
    if kind == "range":
        return pd.RangeIndex(*(obj._field(key) for key in ("start_", "stop_", "step_")), name=_read_name(obj))
    if kind == "multi":
        count = obj._field("levels_-size")
        levels = [resolve_index(obj.member(f"levels_-{i}"), context, options) for i in range(count)]
        codes = [context.run(obj.member(f"codes_-{i}"), **options) for i in range(count)]
        return pd.MultiIndex(levels, codes, names=unpack(obj._field("names_packed_")), verify_integrity=False)
    values = context.run(obj.member("value_"), **options)
    name, freq = _read_name(obj), obj._field("freq_")
    index = pd.Index(values, dtype=values.dtype, name=name, copy=False)
    if freq is not None:
        index = type(index)(index, freq=freq, name=name)
    return index


def _encode_index(writer, node, value, scope):
    if type(value) not in _INDEXES:
        return NotImplemented
    try:
        _check_names(value)
    except _Unfit:
        return NotImplemented
    return _write_index(writer, node, value, scope)


# ---- series and frames


def _plain_attrs(value):
    """The packed attributes of a frame or series; None if there are none. Raises _Unfit if they are not plain."""
    if not value.attrs:
        return None
    packed = pack(value.attrs)
    if packed is None:
        raise _Unfit
    return packed


def _write_extras(writer, node, value, attrs):
    if attrs is not None:
        writer.set(node, "attrs_packed_", attrs)
    if not value.flags.allows_duplicate_labels:
        writer.set(node, "refuses_duplicate_labels_", True)


def _read_extras(obj, value):
    attrs = obj._field("attrs_packed_")
    if attrs is not None:
        value.attrs = unpack(attrs)
    if obj._field("refuses_duplicate_labels_"):
        value.flags.allows_duplicate_labels = False
    # The bytes are read-only, and somebody else refers to them: so pandas copies what is written to (copy on write).
    value.__dict__["_vineyard_original"] = value.copy(deep=False)
    remember(value, obj)
    return value


def _values_of(series):
    return series.to_numpy() if isinstance(series.dtype, np.dtype) else series.array


def _encode_series(writer, node, value, scope):
    if type(value) is not pd.Series:
        return NotImplemented
    try:
        attrs = _plain_attrs(value)
        _check_names(value.index)
        if pack(value.name) is None:
            return NotImplemented
    except _Unfit:
        return NotImplemented
    writer.set_type(node, "vineyard::Series")
    _write_name(writer, node, value.name)
    _write_extras(writer, node, value, attrs)
    _write_array(writer, node, "value_", _values_of(value), scope)
    _write_index(writer, writer.add_node(node, "index_"), value.index, scope)
    return None


def resolve_series(obj, context, options):
    """A series over the shared bytes."""
    values = context.run(obj.member("value_"), **options)
    index = resolve_index(obj.member("index_"), context, options)
    return _read_extras(obj, pd.Series(values, index=index, dtype=values.dtype, name=_read_name(obj), copy=False))


def _encode_frame(writer, node, value, scope):
    if type(value) is not pd.DataFrame:
        return NotImplemented
    try:
        attrs = _plain_attrs(value)
        _check_names(value.index)
        _check_names(value.columns)
    except _Unfit:
        return NotImplemented
    options = scope.options if scope.depth == 0 else {}
    row, column = options.get("partition_index", (-1, -1))
    writer.set_type(node, "vineyard::DataFrame")
    writer.set(node, "partition_index_row_", int(row))
    writer.set(node, "partition_index_column_", int(column))
    writer.set(node, "row_batch_index_", int(options.get("row_batch_index", 0)))
    labels = [label if isinstance(label, (str, int, float, bool)) else str(label) for label in value.columns]
    writer.set(node, "columns_", json.dumps(labels))
    writer.set(node, "__values_-size", len(labels))
    _write_extras(writer, node, value, attrs)
    for i, (_, column) in enumerate(value.items()):
        writer.set(node, f"__values_-key-{i}", json.dumps(labels[i]))
        _write_array(writer, node, f"__values_-value-{i}", _values_of(column), scope)
    _write_index(writer, writer.add_node(node, "index_"), value.index, scope)
    _write_index(writer, writer.add_node(node, "column_index_"), value.columns, scope)
    return None


def _one_block(columns):
    """All columns as one two-dimensional array over the same bytes, if they lie side by side; else None."""
    first = columns[0]
    if len(columns) < 2 or not all(type(c) is np.ndarray and c.dtype == first.dtype and c.size for c in columns):
        return None
    if first.dtype.hasobject or not isinstance(first.base, _core.Blob):
        return None
    sources = [c.base._source if isinstance(c.base, _core.Blob) else None for c in columns]
    if any(s is None or s[0] != sources[0][0] for s in sources):
        return None
    step = sources[1][1] - sources[0][1]
    if step < first.nbytes or any(b[1] - a[1] != step for a, b in zip(sources, sources[1:])):
        return None
    return _Block(columns, step).array()


class _Block:
    """Columns side by side as one array, which keeps all of them."""

    def __init__(self, columns, step):
        first = columns[0]
        self._columns = columns
        self.__array_interface__ = {
            "version": 3,
            "shape": (len(columns), len(first)),
            "strides": (step, first.itemsize),
            "typestr": first.dtype.str,
            "data": (first.__array_interface__["data"][0], True),
        }
        self._dtype = first.dtype

    def array(self):
        """The array, rows by columns."""
        return np.asarray(self).view(self._dtype).T


def _as_they_are(columns, index):
    """The columns for a frame's constructor, which looks into a bare array of objects and makes text of it if it can."""
    return {
        i: pd.Series(c, index=index, dtype=object, copy=False) if isinstance(c, np.ndarray) and c.dtype == object else c
        for i, c in enumerate(columns)
    }


def resolve_frame(obj, context, options):
    """A frame over the shared bytes."""
    size = int(obj._field("__values_-size", 0))
    columns = [context.run(obj.member(f"__values_-value-{i}"), **options) for i in range(size)]
    index = obj._find_member("index_")
    if index is not None:
        index = resolve_index(index, context, options)
    labels = obj._find_member("column_index_")
    labels = json.loads(obj._field("columns_")) if labels is None else resolve_index(labels, context, options)
    block = _one_block(columns) if columns else None
    if block is not None:
        frame = pd.DataFrame(block, index=index, copy=False)
    else:
        frame = pd.DataFrame(_as_they_are(columns, index), index=index, copy=False)
    frame.columns = labels
    return _read_extras(obj, frame)


_INDEXES = frozenset(
    (
        pd.Index,
        pd.RangeIndex,
        pd.MultiIndex,
        pd.DatetimeIndex,
        pd.TimedeltaIndex,
        pd.PeriodIndex,
        pd.IntervalIndex,
        pd.CategoricalIndex,
    )
)
register(pd.DataFrame, _encode_frame, options=("partition_index", "row_batch_index"))
register(pd.Series, _encode_series)
register(pd.Index, _encode_index)
register(pd.api.extensions.ExtensionArray, _encode_extension)
register(pd.Categorical, _encode_extension)
register(_Opaque, _encode_opaque)
