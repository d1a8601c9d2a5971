# SPDX-License-Identifier: Apache-2.0
"""pandas frames, series and indexes."""

import numpy as np
import pandas as pd
import pytest


def frame_of(**columns):
    return pd.DataFrame(columns)


DAYS = pd.date_range("2024-01-01", periods=3, freq="D")
COLUMNS = {
    "int": np.arange(3),
    "float": np.array([0.5, np.nan, 1.5]),
    "float32": np.ones(3, np.float32),
    "bool": np.array([True, False, True]),
    "complex": np.array([1j, 2, 3]),
    "text": ["a", "ü€", ""],
    "text with None": ["a", None, "c"],
    "objects": pd.Series([1, "x", None], dtype=object),
    "datetime": DAYS,
    "datetime s": DAYS.as_unit("s"),
    "datetime with a zone": DAYS.tz_localize("Europe/Berlin"),
    "timedelta": pd.to_timedelta([1, 2, None], unit="s"),
    "category": pd.Categorical(["u", "v", "u"], categories=["v", "u", "w"], ordered=True),
    "category of numbers": pd.Categorical([2, None, 1]),
    "Int64": pd.array([1, None, 3], dtype="Int64"),
    "UInt8": pd.array([1, None, 3], dtype="UInt8"),
    "Float64": pd.array([1.5, None, 3], dtype="Float64"),
    "boolean": pd.array([True, None, False], dtype="boolean"),
    "period": pd.period_range("2024-01", periods=3, freq="M"),
    "interval": pd.interval_range(0, 3),
    "string": pd.array(["a", None, "c"], dtype="string"),
    "python string": pd.array(["a", None, "c"], dtype=pd.StringDtype("python")),
    "sparse": pd.arrays.SparseArray([0, 0, 1]),
}
INDEXES = {
    "range": pd.RangeIndex(2, 8, 2, name="r"),
    "int": pd.Index([3, 1, 2], name="i"),
    "text": pd.Index(["a", "b", "c"]),
    "float": pd.Index([0.5, 1.5, np.nan]),
    "datetime": DAYS,
    "datetime without frequency": pd.DatetimeIndex(["2024-01-05", "2024-01-01", "NaT"], name="when"),
    "datetime with a zone": DAYS.tz_localize("UTC"),
    "timedelta": pd.timedelta_range("1s", periods=3),
    "period": pd.period_range("2024", periods=3, freq="Y"),
    "interval": pd.interval_range(0, 3, name="iv"),
    "category": pd.CategoricalIndex(["a", "b", "a"]),
    "multi": pd.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)], names=["l", None]),
    "objects": pd.Index([1, "x", None], dtype=object),
    "name that is no text": pd.Index([1, 2, 3], name=("a", 1)),
}


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS.keys())
def test_a_series_comes_back_equal(client, values):
    series = pd.Series(values, name="s")
    back = client.get(client.put(series))
    pd.testing.assert_series_equal(back, series)
    assert back.dtype == series.dtype


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS.keys())
def test_a_column_of_a_frame_comes_back_equal(client, values):
    frame = frame_of(a=[1, 2, 3], b=values, c=values)
    back = client.get(client.put(frame))
    pd.testing.assert_frame_equal(back, frame)
    assert list(back.dtypes) == list(frame.dtypes)


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES.keys())
def test_an_index_comes_back_equal(client, index):
    back = client.get(client.put(index))
    assert type(back) is type(index)
    pd.testing.assert_index_equal(back, index)
    assert getattr(back, "freq", None) == getattr(index, "freq", None)


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES.keys())
def test_the_index_and_the_columns_of_a_frame_come_back_equal(client, index):
    for frame in (pd.DataFrame({"a": [1.5, 2.5, 3.5]}, index=index), pd.DataFrame(np.ones((2, 3)), columns=index)):
        back = client.get(client.put(frame))
        pd.testing.assert_frame_equal(back, frame)
        assert type(back.index) is type(frame.index)
        assert type(back.columns) is type(frame.columns)


FRAMES = {
    "empty": pd.DataFrame(),
    "no rows": pd.DataFrame({"a": np.zeros(0), "b": pd.array([], "Int64")}),
    "no columns": pd.DataFrame(index=[1, 2]),
    "one column twice": pd.DataFrame(np.arange(4.0).reshape(2, 2), columns=["a", "a"]),
    "number columns": pd.DataFrame({0: [1], 1: [2.5]}),
    "named columns": frame_of(a=[1]).rename_axis("cols", axis=1),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
def test_a_frame_comes_back_equal(client, frame):
    pd.testing.assert_frame_equal(client.get(client.put(frame)), frame)


def test_attributes_and_flags_come_back(client):
    frame = frame_of(a=[1, 2]).set_flags(allows_duplicate_labels=False)
    frame.attrs = {"source": ["x", 1]}
    back = client.get(client.put(frame))
    assert back.attrs == frame.attrs
    assert not back.flags.allows_duplicate_labels
    series = pd.Series([1])
    series.attrs = {"u": "m"}
    assert client.get(client.put(series)).attrs == {"u": "m"}


def test_a_frame_of_numbers_is_one_block_without_a_copy(client):
    frame = pd.DataFrame(np.random.default_rng(1).random((10_000, 5)), columns=list("abcde"))
    back = client.get(client.put(frame))
    whole = back.to_numpy()
    assert not whole.flags.writeable
    assert np.shares_memory(whole, back["c"].to_numpy())
    pd.testing.assert_frame_equal(back, frame)


def test_a_frame_is_one_document_and_one_blob(client):
    before = client.status.json["objects"]
    client.put(frame_of(a=[1, 2], b=["x", "y"], c=DAYS[:2], d=pd.Categorical(["p", "q"])))
    after = client.status.json["objects"]
    assert after["documents"] - before["documents"] == 1
    assert after["blobs"] - before["blobs"] == 1


def test_changing_a_frame_that_was_got_changes_nothing_in_the_store(client):
    object_id = client.put(frame_of(a=[1, 2, 3], b=[4, 5, 6]))
    back = client.get(object_id)
    if int(pd.__version__.split(".")[0]) < 3:
        pytest.skip("without copy on write, writing to a read-only frame is an error")
    back.loc[0, "a"] = 9
    back["b"] = [7, 8, 9]
    assert back.to_dict("list") == {"a": [9, 2, 3], "b": [7, 8, 9]}
    assert client.get(object_id).to_dict("list") == {"a": [1, 2, 3], "b": [4, 5, 6]}
    series = client.get(client.put(pd.Series([1, 2])))
    series.iloc[0] = 5
    assert series.tolist() == [5, 2]


def test_frames_inside_containers_come_back(client):
    frame = frame_of(a=[1, 2])
    back = client.get(client.put({"frames": [frame, frame["a"]]}))
    pd.testing.assert_frame_equal(back["frames"][0], frame)
    pd.testing.assert_series_equal(back["frames"][1], frame["a"])


def test_a_categorical_by_itself_comes_back(client):
    value = pd.Categorical(["a", None, "b"])
    back = client.get(client.put(value))
    pd.testing.assert_extension_array_equal(back, value)


def test_a_timestamp_comes_back(client):
    value = pd.Timestamp("2024-01-01", tz="Europe/Berlin")
    assert client.get(client.put(value)) == value


def test_partition_keywords_stand_in_the_metadata(client):
    meta = client.get_meta(client.put(frame_of(a=[1]), partition_index=[2, 3], row_batch_index=4))
    assert (meta["partition_index_row_"], meta["partition_index_column_"], meta["row_batch_index_"]) == (2, 3, 4)
