# SPDX-License-Identifier: Apache-2.0
"""Data sets for PyTorch's DataLoader: one copy in memory, however many workers read it.

data = SharedDataset.put({"image": images, "label": labels, "text": list_of_str})
for batch in torch.utils.data.DataLoader(data, batch_size=32, num_workers=8): ...
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from . import _core
from .client import connect
from .core.resolver import get_current_resolvers
from .data.pickle import is_private
from .data.plain import pack, unpack
from .data.python import read_items
from .data.tensor import write_strings
from .data.torch import tensor_over
from .pickling import Shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._core import ObjectID
    from .client import Client

_STRINGS = "vineyard::BaseBinaryArray<arrow::LargeStringArray>"
_ITEMS = "vineyard::Items"
_PICKLE_FIX = "it would be pickled, which other users could read: make it of arrays, texts and plain values"


class SharedDataset(torch.utils.data.Dataset):
    """A data set that was put, read by its id: a process opens it when it first reads, and copies nothing.

    What a sample is: of an array or tensor its row, as a tensor; of a list its item; of a dict of columns, or of a table
    or data frame, a dict of theirs. `transform` is applied to each sample. Tensors of it are read-only in fact, though
    PyTorch cannot say so: a `transform` that writes must clone first. The data set stays until `delete()`.
    """

    def __init__(self, object_id: Any, client: Client | None = None, transform: Callable[[Any], Any] | None = None) -> None:
        self._shared = Shared(object_id, client)
        self._columns = None
        self.transform = transform

    @classmethod
    def put(
        cls,
        value: Any,
        client: Client | None = None,
        name: str | None = None,
        transform: Callable[[Any], Any] | None = None,
    ) -> SharedDataset:
        """Puts a data set: an array, tensor, list, table, data frame, or a dict of such columns of one length."""
        client = connect() if client is None else client
        object_id = _put(client, value)
        if name is not None:
            client.put_name(object_id, name)
        return cls(object_id, client, transform)

    @property
    def id(self) -> ObjectID:
        """The object's id."""
        return self._shared.id

    def delete(self) -> None:
        """Deletes the data set; samples that are held stay good."""
        self._shared.delete()

    def _open(self):
        if self._columns is None:
            obj = self._shared._connected().get_object(self.id)
            self._columns = _Reader.run(obj)
        return self._columns

    def __len__(self) -> int:
        return _length_of(self._open())

    def __getitem__(self, index: int) -> Any:
        sample = _sample_of(self._open(), index)
        return sample if self.transform is None else self.transform(sample)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_columns": None}

    def __repr__(self) -> str:
        return f"<vineyard.torch.SharedDataset {self.id!r}>"


# ---- how it is put


def _put(client, value):
    if isinstance(value, dict):
        lengths = {key: _length_of(column) for key, column in value.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the columns of a data set have one length, not {lengths}")
        ids = {}
        try:
            for key, column in value.items():
                ids[key] = _put(client, column)
            return client.put(ids)
        except BaseException:
            client.delete(list(ids.values()))  # nobody knows them
            raise
    return _put_list(client, value) if isinstance(value, (list, tuple)) else client.put(value)


def _put_list(client, items):
    """Texts as Arrow has them, anything else as the bytes of each: lists of objects are what workers would copy."""
    writer = _core._Writer()
    if not all(isinstance(item, str) for item in items) or not write_strings(
        writer, lambda: _typed(writer, _STRINGS), items
    ):
        data = [pack(item) for item in items]
        if None in data:
            if not is_private(client):
                raise TypeError(f"an item of type {type(items[data.index(None)]).__qualname__}: {_PICKLE_FIX}")
            data = [pickle.dumps(item, protocol=5) for item in items]
            writer.set(0, "encoding_", "pickle")
        _typed(writer, _ITEMS)
        writer.set(0, "length_", len(items))
        writer.add_buffer(0, "offsets_", np.cumsum([0, *map(len, data)], dtype=np.int64).view(np.uint8))
        writer.add_buffer(0, "buffer_", b"".join(data))
    return writer.publish(client)


def _typed(writer, typename):
    writer.set_type(0, typename)
    return 0


# ---- how it is read


class _Runs:
    """A list whose items lie one after the other in a buffer."""

    def __init__(self, length, offsets, data, decode):
        self._offsets = np.frombuffer(offsets or bytes(8), np.int64)[: length + 1]
        self._data = memoryview(data or b"")
        self._decode = decode

    def __len__(self):
        return len(self._offsets) - 1

    def __getitem__(self, index):
        size = len(self)
        at = index + size if index < 0 else index
        if not 0 <= at < size:
            raise IndexError(f"sample {index} of {size}")
        return self._decode(self._data[self._offsets[at] : self._offsets[at + 1]])


def _resolve_strings(obj):
    buffers = (obj._buffer("buffer_offsets_"), obj._buffer("buffer_data_"))
    return _Runs(obj._field("length_", 0), *buffers, lambda data: str(data, "utf-8"))


def _resolve_items(obj):
    decode = unpack
    if obj._field("encoding_") == "pickle":
        if not is_private(obj._client_handle):
            raise TypeError(f"{obj!r} holds pickles, which may run code of whoever put them")
        decode = pickle.loads
    return _Runs(obj._field("length_", 0), obj._buffer("offsets_"), obj._buffer("buffer_"), decode)


class _Rows:
    """The rows of an Arrow table, or of a data frame, as dicts."""

    def __init__(self, columns, length, item):
        self._columns = columns
        self._length = length
        self._item = item

    def __len__(self):
        return self._length

    def __getitem__(self, index):
        if not -self._length <= index < self._length:
            raise IndexError(f"sample {index} of {self._length}")
        return {key: self._item(column, index) for key, column in self._columns.items()}


def _length_of(columns):
    return _length_of(next(iter(columns.values()), ())) if isinstance(columns, dict) else len(columns)


def _sample_of(columns, index):
    if isinstance(columns, dict):
        return {key: _sample_of(column, index) for key, column in columns.items()}
    return columns[index]


class _Reader:
    """Reads an object as what is indexed for samples."""

    @staticmethod
    def run(obj):
        if obj.typename == "vineyard::Dict":
            return dict(read_items(obj, _Reader, {}))
        resolve = {_STRINGS: _resolve_strings, _ITEMS: _resolve_items}.get(obj.typename)
        return _readable(get_current_resolvers().run(obj)) if resolve is None else resolve(obj)


def _readable(value):
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "OSUVMmT" or not value.dtype.isnative else tensor_over(value)
    if hasattr(value, "iloc") and hasattr(value, "columns"):
        columns = {key: value[key] for key in value.columns}
        return _Rows(columns, len(value), lambda column, index: column.iloc[index])
    if hasattr(value, "num_rows") and hasattr(value, "schema"):
        columns = dict(zip(value.schema.names, value.columns, strict=True))
        return _Rows(columns, value.num_rows, lambda column, index: column[index].as_py())
    return value
