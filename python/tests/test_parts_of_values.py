# SPDX-License-Identifier: Apache-2.0
"""Pickles as streams of bytes, and columns of arrays."""

import numpy as np
import pandas as pd
import pytest

from vineyard.data.dataframe import NDArrayArray
from vineyard.data.pickle import PickledReader, PickledWriter


@pytest.mark.parametrize("piece", [1, 7, 4096, None])
def test_a_pickle_goes_piece_by_piece(piece):
    value = {"a": np.arange(1000.0), "b": [b"x" * 5000, None], "c": "text"}
    reader = PickledReader(value)
    writer = PickledWriter(reader.store_size)
    while data := reader.read(piece):
        assert piece is None or len(data) <= piece
        writer.write(data)
    writer.close()
    assert writer.value["b"] == value["b"] and writer.value["c"] == "text"
    assert np.array_equal(writer.value["a"], value["a"])


def test_a_pickle_that_is_not_whole_says_so():
    data = PickledReader(list(range(100))).read()
    for cut in (data[:5], data[:20], data[:-1], b"x" + data[1:]):
        writer = PickledWriter()
        writer.write(cut)
        with pytest.raises(ValueError, match="PickledReader|are missing|are left"):
            writer.value
    short = PickledWriter(10)
    with pytest.raises(ValueError, match="10 announced"):
        short.write(data)


def images(rows=6):
    return np.arange(rows * 12, dtype="f4").reshape(rows, 3, 4)


def test_a_column_of_arrays_comes_back_without_a_copy(client):
    frame = pd.DataFrame({"label": range(6), "image": NDArrayArray(images())})
    got = client.get(client.put(frame))
    assert isinstance(got["image"].array, NDArrayArray) and got["image"].dtype == frame["image"].dtype
    rows = got["image"].array.to_numpy()
    assert np.array_equal(rows, images()) and rows.dtype == np.float32
    assert not rows.flags.writeable and client.is_shared_memory(rows)
    assert np.array_equal(got["image"][2], images()[2])


def test_a_column_of_arrays_is_a_column():
    frame = pd.DataFrame({"n": [3, 1, 2], "image": NDArrayArray(images(3))})
    assert np.array_equal(frame.sort_values("n")["image"].iloc[0], images(3)[1])
    assert len(frame[frame.n > 1]) == 2 and frame.image.isna().sum() == 0
    both = pd.concat([frame, frame], ignore_index=True)
    assert np.array_equal(both.image.array.to_numpy(), np.concatenate([images(3)] * 2))
    assert "image" in repr(frame)
    with pytest.raises(ValueError, match="cannot be missing"):
        frame["image"].reindex([0, 7])
    with pytest.raises(ValueError, match="at least one dimension"):
        NDArrayArray(5)
