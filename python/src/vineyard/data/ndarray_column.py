# SPDX-License-Identifier: Apache-2.0
"""A column of a pandas frame whose rows are arrays of one shape: images, embeddings."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype, register_extension_dtype, take


@register_extension_dtype
class NDArrayDtype(ExtensionDtype):
    """The dtype of such a column; the arrays' own is `column.values.to_numpy().dtype`."""

    name = "NDArray"
    type = np.ndarray
    kind = "O"
    na_value = None

    @classmethod
    def construct_array_type(cls):
        """The class of the arrays."""
        return NDArrayArray


class NDArrayArray(ExtensionArray):
    """Rows that are arrays of one shape, as one array of shape (rows, ...), which is not copied. No row is missing."""

    def __init__(self, ndarray):
        self._rows = np.asarray(ndarray)
        if self._rows.ndim == 0:
            raise ValueError("an NDArrayArray takes an array of at least one dimension: the first one counts the rows")

    @classmethod
    def _from_sequence(cls, scalars, *, dtype=None, copy=False):
        if isinstance(scalars, cls):
            return cls(scalars._rows.copy() if copy else scalars._rows)
        return cls(np.stack([np.asarray(row) for row in scalars]) if len(scalars) else np.empty(0))

    @classmethod
    def _from_factorized(cls, values, original):
        return cls._from_sequence(values)

    @classmethod
    def _concat_same_type(cls, to_concat):
        return cls(np.concatenate([part._rows for part in to_concat]))

    @property
    def dtype(self):
        """NDArrayDtype."""
        return NDArrayDtype()

    @property
    def nbytes(self):
        """Bytes of all rows."""
        return self._rows.nbytes

    def to_numpy(self, dtype=None, copy=False, na_value=None):
        """The array of shape (rows, ...)."""
        return np.array(self._rows, dtype=dtype, copy=copy or None) if copy or dtype is not None else self._rows

    def __array__(self, dtype=None, copy=None):
        # One object for each row is what pandas asks for.
        rows = np.empty(len(self), object)
        for n, row in enumerate(self._rows):
            rows[n] = row
        return rows

    def __len__(self):
        return len(self._rows)

    def __getitem__(self, item):
        item = pd.api.indexers.check_array_indexer(self, item)
        if isinstance(item, (int, np.integer)):
            return self._rows[item]
        return type(self)(self._rows[item])

    def __setitem__(self, key, value):
        self._rows[key] = value._rows if isinstance(value, NDArrayArray) else value

    def __eq__(self, other):
        if not isinstance(other, NDArrayArray):
            return NotImplemented
        same = self._rows == other._rows
        return same.reshape(len(self), -1).all(axis=1)

    def isna(self):
        """All False."""
        return np.zeros(len(self), bool)

    def take(self, indices, *, allow_fill=False, fill_value=None):
        """The rows of those numbers. ValueError for a row that is to be missing."""
        if allow_fill and np.any(np.asarray(indices) < 0):
            raise ValueError("a row of an NDArrayArray cannot be missing")
        return type(self)(take(self._rows, indices))

    def copy(self):
        """A copy of all rows."""
        return type(self)(self._rows.copy())
