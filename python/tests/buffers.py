# SPDX-License-Identifier: Apache-2.0
"""Where the bytes of a value lie: the buffers that values are made of, and the mappings of this process."""

import functools

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import vineyard


class Mappings:
    """The memory that this process maps from the store, with its rights, as the kernel says it."""

    def __init__(self):
        self._arenas = []
        with open("/proc/self/maps") as maps:
            for line in maps:
                if "memfd:vineyard-arena" in line:
                    place, rights = line.split()[:2]
                    begin, _, end = place.partition("-")
                    self._arenas.append((int(begin, 16), int(end, 16), rights))

    def rights_of(self, address):
        """'r--s' or the like; None for memory of this process's own."""
        return next((rights for begin, end, rights in self._arenas if begin <= address < end), None)


@functools.singledispatch
def addresses(value):
    """The addresses of the buffers that a value is made of; an object's own for what has none."""
    if value is None or isinstance(value, (bool, int, float)):
        return []
    if hasattr(value, "format") and hasattr(value, "nnz"):  # scipy.sparse
        parts = [getattr(value, key, None) for key in ("data", "indices", "indptr", "row", "col", "coords", "offsets")]
        return [a for part in parts if part is not None for a in addresses(part)] or [id(value)]
    return [id(value)]


@addresses.register
def _(value: np.ndarray):
    if value.dtype.hasobject:
        return [id(value)]
    found = [value.__array_interface__["data"][0]] if value.nbytes else []
    if isinstance(value, np.ma.MaskedArray) and value.mask is not np.ma.nomask:
        found += addresses(np.asarray(value.mask))
    return found


@addresses.register
def _(value: vineyard.Blob):
    return [value.address]


@addresses.register(list)
@addresses.register(tuple)
def _(value):
    if all(isinstance(item, (bool, int, float, str, type(None))) for item in value):
        return [id(value)]
    return [a for item in value for a in addresses(item)]


@addresses.register
def _(value: dict):
    return addresses(list(value.values()))


@addresses.register
def _(value: pa.Array):
    found = [buffer.address for buffer in value.buffers() if buffer is not None and buffer.size > 0]
    return found + (addresses(value.dictionary) if isinstance(value, pa.DictionaryArray) else [])


@addresses.register(pa.ChunkedArray)
def _(value):
    return [a for chunk in value.chunks for a in addresses(chunk)]


@addresses.register(pa.Table)
@addresses.register(pa.RecordBatch)
def _(value):
    return [a for column in value.columns for a in addresses(column)]


@addresses.register
def _(value: pl.Series):
    return addresses(value.to_physical().to_arrow(compat_level=pl.CompatLevel.newest()))


@addresses.register
def _(value: pl.DataFrame):
    return [a for column in value.get_columns() for a in addresses(column)]


@addresses.register
def _(value: pd.Series):
    return addresses(value.to_numpy() if isinstance(value.dtype, np.dtype) else value.array)


@addresses.register
def _(value: pd.DataFrame):
    return [a for i in range(value.shape[1]) for a in addresses(value.iloc[:, i])]


@addresses.register
def _(value: pd.Index):
    if isinstance(value, pd.MultiIndex):
        return [a for codes in value.codes for a in addresses(np.asarray(codes))]
    return [] if isinstance(value, pd.RangeIndex) else addresses(value.array)


@addresses.register
def _(value: pd.api.extensions.ExtensionArray):
    if isinstance(value, pd.Categorical):
        return addresses(value.codes)
    if isinstance(value, pd.arrays.IntervalArray):
        return addresses(value.left) + addresses(value.right)
    if isinstance(value, pd.arrays.SparseArray):
        return addresses(value.sp_values)
    if hasattr(value, "asi8"):
        return addresses(value.asi8)
    for parts in (("_pa_array",), ("_data", "_mask"), ("_ndarray",)):
        if all(hasattr(value, part) for part in parts):
            return [a for part in parts for a in addresses(getattr(value, part))]
    return [id(value)]


def places(value):
    """The rights of the mapping that each buffer of a value lies in; None for private memory."""
    mappings = Mappings()
    return [mappings.rights_of(address) for address in addresses(value)]
