# SPDX-License-Identifier: Apache-2.0
"""Every row of the table of what is copied and what is not, and the page that is made of it."""

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import zero_copy
from buffers import addresses, places

import vineyard

PAGE = Path(__file__).resolve().parents[2] / "docs/guides/zero-copy.md"
IDS = [f"{case.group.split()[0]}: {case.what}" for case in zero_copy.CASES]


def put_of(client, value):
    """What put did with the bytes, and the id."""
    before = client.status.json["objects"]["blobs"]
    object_id = client.put(value)
    if client.status.json["objects"]["blobs"] == before:
        return zero_copy.SHARED, object_id
    tree = repr(client.get_meta(object_id))  # all members are in it
    pickled = '"vineyard::PickleBuffer"' in tree or '"vineyard::Tensor<object>"' in tree
    return zero_copy.PICKLED if pickled else zero_copy.COPY, object_id


def get_of(value):
    """Whether a value is a view of shared memory; shared memory must be read-only for its readers."""
    found = places(value)
    assert found, "a case without buffers says nothing"
    assert set(found) <= {"r--s", None}
    if None not in found:
        return zero_copy.VIEW
    return zero_copy.PARTLY if "r--s" in found else zero_copy.OWN


def write_of(value):
    """Whether a value can be written to."""
    if isinstance(value, pd.DataFrame):
        if isinstance(value.dtypes.iloc[0], pd.SparseDtype):
            return zero_copy.NO
        return zero_copy.ON_WRITE if "r--s" in places(value) else zero_copy.YES
    if isinstance(value, (pd.Index, pl.Series)):
        return zero_copy.NO
    if isinstance(value, np.ndarray):
        return zero_copy.YES if value.flags.writeable else zero_copy.NO
    return zero_copy.YES if None in places(value) and not isinstance(value, str) else zero_copy.NO


@pytest.mark.parametrize("case", zero_copy.CASES, ids=IDS)
def test_the_table_says_what_is_copied(client, case):
    value = case.make(client) if case.takes_client else case.make()
    put, object_id = put_of(client, value)
    back = client.get(object_id)
    assert (put, get_of(back), write_of(back)) == (case.put, case.get, case.write)


COPY_ON_WRITE = pd.__version__ >= "3"
PANDAS = [case for case in zero_copy.CASES if case.write == zero_copy.ON_WRITE]


@pytest.mark.parametrize("case", PANDAS, ids=[case.what for case in PANDAS])
def test_what_is_written_to_a_frame_does_not_reach_the_object(client, case):
    object_id = client.put(case.make())
    frame = client.get(object_id)
    if COPY_ON_WRITE:
        frame.iloc[0, 0] = frame.iloc[-1, 0]
    else:  # pandas 2 without its option: an error, of one kind or another
        with contextlib.suppress(ValueError, AssertionError):
            frame.iloc[0, 0] = frame.iloc[-1, 0]
    pd.testing.assert_frame_equal(client.get(object_id), case.make())


def test_a_private_array_is_told_from_a_shared_one(client):
    array = np.arange(10)
    assert get_of(array) == zero_copy.OWN
    assert not client.is_shared_memory(array)
    view = client.get(client.put(array))
    assert client.is_shared_memory(view)
    assert client.is_shared_memory(view[2:])
    assert addresses(view[2:]) == [addresses(view)[0] + 16]


def test_a_blob_is_read_only(client):
    blob = client.get(client.put(b"bytes"))
    assert isinstance(blob, vineyard.Blob)
    assert memoryview(blob).readonly


def test_the_page_is_made_of_the_table():
    expected = zero_copy.page()
    assert PAGE.read_text() == expected, "run: python python/tests/zero_copy.py > docs/guides/zero-copy.md"


def test_an_address_leads_to_the_blob_that_begins_there(client):
    view = client.get(client.put(np.arange(1000.0)))
    address = view.__array_interface__["data"][0]
    blob_id = client.find_shared_memory(address)
    assert blob_id == client.find_shared_memory(view) and bytes(client.get_blob(blob_id)) == view.tobytes()
    assert client.is_shared_memory(address) and not client.is_shared_memory(address + 64)
    assert not any(map(client.is_shared_memory, (0, -1, 2**64, np.arange(3).ctypes.data)))
