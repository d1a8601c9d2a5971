# SPDX-License-Identifier: Apache-2.0
"""Tensors and frames in parts that are objects of their own."""

import json

import numpy as np
import pandas as pd
import pytest

import vineyard
from vineyard.data.dataframe import make_global_dataframe
from vineyard.data.tensor import make_global_tensor


def test_a_tensor_in_parts_names_them(client):
    blocks = [client.put(np.full((2, 3), n), partition_index=[n, 0]) for n in range(3)]
    meta = make_global_tensor(client, [blocks[0], repr(blocks[1]), int(blocks[2])], {"note": "x"}, (6, 3), (2, 3))
    assert meta.isglobal and not meta.islocal and meta.instance_id == 2**64 - 1
    back = client.get_meta(meta.id)
    assert back.typename == "vineyard::GlobalTensor" and back["note"] == "x"
    assert json.loads(back["shape_"]) == [6, 3] and json.loads(back["partition_shape_"]) == [2, 3]
    parts = [back[f"partitions_-{n}"] for n in range(int(back["partitions_-size"]))]
    assert [json.loads(p["partition_index_"]) for p in parts] == [[0, 0], [1, 0], [2, 0]]
    assert np.array_equal(np.concatenate([client.get(p.id) for p in parts]), np.repeat([0, 1, 2], 6).reshape(6, 3))
    assert back.nbytes == sum(p.nbytes for p in parts) and client.get_object(meta.id).ispersist
    assert isinstance(client.get(meta.id), vineyard.Object)  # which nobody makes one array of


def test_a_frame_in_parts_is_a_list_of_frames(client):
    frames = [pd.DataFrame({"a": np.arange(n, n + 4), "b": list("wxyz")}) for n in range(3)]
    meta = make_global_dataframe(client, (client.put(f) for f in frames))
    client.put_name(meta.id, "whole")
    got = client.get(name="whole")
    assert len(got) == 3
    for one, frame in zip(got, frames, strict=True):
        pd.testing.assert_frame_equal(one, frame)
    client.delete(meta.id)
    assert not client.exists(meta.id)


def test_a_part_that_is_missing_makes_none(client):
    with pytest.raises(vineyard.ObjectNotExistsException):
        make_global_dataframe(client, [client.put(pd.DataFrame({"a": [1]})), vineyard.ObjectID(12345)])
    assert client.list_metadatas("vineyard::Global*") == []
