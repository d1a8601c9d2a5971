# SPDX-License-Identifier: Apache-2.0
"""What the property tests do not say of sparse matrices: fields, flags, sharing, and parts that do not fit."""

import numpy as np
import pytest
import scipy.sparse
from buffers import places

import vineyard
from vineyard.data import sparse

FORMATS = ("bsr", "coo", "csc", "csr", "dia")


@pytest.mark.parametrize("name", FORMATS)
def test_metadata_names_format_shape_and_parts(client, name):
    meta = client.get_meta(client.put(scipy.sparse.eye_array(4, 5, format=name), partition_index=(1, 2)))
    assert meta.typename == f"vineyard::{name.upper()}Matrix<float64>"
    assert meta["shape_"] == "[4, 5]"
    assert meta["value_type_"] == "float64"
    assert meta["partition_index_"] == "[1, 2]"
    assert meta["nnz"] == 4
    assert meta["data"].typename == "vineyard::Tensor<double>"


def test_indices_that_are_not_sorted_stay_as_they_are(client):
    value = scipy.sparse.csr_matrix((np.ones(3), np.array([2, 0, 1]), np.array([0, 3])), shape=(1, 3))
    assert not value.has_sorted_indices
    found = client.get(client.put(value))
    assert not found.has_sorted_indices
    assert found.indices.tolist() == [2, 0, 1]


def test_duplicate_entries_of_a_coo_matrix_stay(client):
    value = scipy.sparse.coo_array((np.ones(3), ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    found = client.get(client.put(value))
    assert not found.has_canonical_format
    assert found.data.tolist() == [1, 1, 1]


def test_wide_indices_stay_wide_and_are_views(client):
    value = scipy.sparse.csr_array(np.eye(50))
    value.indices, value.indptr = value.indices.astype(np.int64), value.indptr.astype(np.int64)
    found = client.get(client.put([value]))[0]
    assert found.indices.dtype == found.indptr.dtype == np.int64
    assert set(places(found)) == {"r--s"}


@pytest.mark.parametrize("name", ["csr", "csc", "coo", "bsr"])
def test_indices_of_another_user_that_lead_outside_are_refused(client, monkeypatch, name):
    value = getattr(scipy.sparse, f"{name}_matrix")(np.eye(4))
    part = "row" if name == "coo" else "indices"
    getattr(value, part)[1] = 1000
    object_id = client.put(value)
    monkeypatch.setattr(sparse, "is_private", lambda client: False)
    with pytest.raises(vineyard.errors.CorruptException, match=f"do not make a {name} matrix"):
        client.get(object_id)
