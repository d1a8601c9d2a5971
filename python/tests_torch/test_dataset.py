# SPDX-License-Identifier: Apache-2.0
"""SharedDataset: samples, workers, memory."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from torch.utils.data import DataLoader

from vineyard.torch import SharedDataset

TEXTS = ["", "one", "zwölf", "日本"] * 25


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="This DataLoader will create 8")
        warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
        yield


def test_arrays_and_tensors(client):
    for value in (np.arange(12.0).reshape(4, 3), torch.arange(12.0).reshape(4, 3)):
        data = SharedDataset.put(value, client)
        assert len(data) == 4 and torch.equal(data[1], torch.tensor([3.0, 4.0, 5.0])) and torch.equal(data[-1], data[3])
        with pytest.raises(IndexError):
            data[4]


def test_lists_of_texts_are_kept_as_arrow_has_them(client):
    data = SharedDataset.put(TEXTS, client)
    assert list(data) == TEXTS and data[-1] == TEXTS[-1]
    assert client.get(data.id).to_pylist() == TEXTS
    assert list(SharedDataset.put([], client)) == []


@pytest.mark.parametrize(
    "items", [[{"box": (1, 2), "name": "a"}, None, 3.5, "x"], [torch.ones(2), {"x": np.arange(3)}]], ids=str
)
def test_lists_of_anything(client, items):
    data = SharedDataset.put(items, client)
    assert str(list(data)) == str(items)


def test_dicts_of_columns(client):
    data = SharedDataset.put({"x": np.arange(100), "text": TEXTS, "more": {"y": torch.arange(100)}}, client)
    assert len(data) == 100
    assert data[2] == {"x": torch.tensor(2), "text": "zwölf", "more": {"y": torch.tensor(2)}}
    with pytest.raises(ValueError, match="one length"):
        SharedDataset.put({"x": [1], "y": [1, 2]}, client)


def test_tables_and_frames(client):
    table = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})
    assert list(SharedDataset.put(table, client)) == table.to_pylist()
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]}, index=[5, 6, 7])
    assert list(SharedDataset.put(frame, client)) == frame.to_dict("records")
    with pytest.raises(IndexError):
        SharedDataset.put(table, client)[3]


def test_names_and_deletion(client):
    data = SharedDataset.put(np.arange(4), client, name="numbers")
    assert torch.equal(SharedDataset(client.get_name("numbers"), client)[1], torch.tensor(1))
    kept = data[1]
    data.delete()
    assert not client.exists(data.id) and kept == 1


def test_it_is_pickled_as_an_id(client):
    data = SharedDataset.put(np.zeros((1000, 1000)), client, transform=torch.sum)
    assert data[1] == 0
    text = pickle.dumps(data)
    assert len(text) < 1000
    again = pickle.loads(text)
    assert again[3] == 0 and again.id == data.id


def double(sample):
    return {**sample, "x": sample["x"] * 2}


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers(client, context):
    data = SharedDataset.put({"x": torch.arange(100), "text": TEXTS}, client, transform=double)
    loader = DataLoader(data, batch_size=10, num_workers=2, multiprocessing_context=context)
    batches = list(loader)
    assert torch.equal(torch.cat([b["x"] for b in batches]), torch.arange(100) * 2)
    assert [t for b in batches for t in b["text"]] == TEXTS


class Memory(torch.utils.data.Dataset):
    """Says, for each sample, how much memory its worker shares and how much is its own, after reading everything."""

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return 8

    def __getitem__(self, index):
        before = smaps()
        assert sum(self.data[i].sum() for i in range(len(self.data))) == len(self.data) * self.data[0].numel()
        after = smaps()
        return {key: after[key] - before[key] for key in ("Rss", "Pss_Anon", "Private_Dirty")}


def smaps():
    """Bytes, as /proc says."""
    with open("/proc/self/smaps_rollup") as lines:
        return {line.split()[0][:-1]: int(line.split()[1]) * 1024 for line in lines if line.rstrip().endswith("kB")}


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_eight_workers_have_one_copy(client, context):
    nbytes = 64 << 20
    data = SharedDataset.put(torch.ones(64, nbytes // 256), client)
    loader = DataLoader(Memory(data), batch_size=None, num_workers=8, multiprocessing_context=context)
    for grown in loader:
        assert grown["Rss"] > nbytes * 0.9  # it was read
        assert grown["Pss_Anon"] < nbytes * 0.25  # and is not the worker's
