# SPDX-License-Identifier: Apache-2.0
"""polars frames and series."""

import datetime

import pytest

pl = pytest.importorskip("polars")
from polars.testing import assert_frame_equal, assert_series_equal  # noqa: E402

COLUMNS = {
    "int": pl.Series([1, None, 3], dtype=pl.Int64),
    "uint8": pl.Series([1, 2, 3], dtype=pl.UInt8),
    "float32": pl.Series([0.5, None, float("nan")], dtype=pl.Float32),
    "bool": pl.Series([True, None, False]),
    "text": pl.Series(["a", None, "long enough to stand outside of the view"]),
    "binary": pl.Series([b"a", None, b""]),
    "date": pl.Series([datetime.date(2024, 1, 1), None, datetime.date(1, 1, 1)]),
    "datetime": pl.Series([datetime.datetime(2024, 1, 1), None, None]).dt.replace_time_zone("Europe/Berlin"),
    "duration": pl.Series([datetime.timedelta(1), None, datetime.timedelta(0)]),
    "time": pl.Series([datetime.time(1, 2, 3), None, datetime.time(0)]),
    "list": pl.Series([[1, 2], None, []]),
    "array": pl.Series([[1, 2], None, [3, 4]], dtype=pl.Array(pl.Int32, 2)),
    "struct": pl.Series([{"x": 1, "y": "a"}, {"x": None, "y": None}, {"x": 3, "y": "c"}]),
    "categorical": pl.Series(["u", None, "v"], dtype=pl.Categorical),
    "enum": pl.Series(["u", None, "v"], dtype=pl.Enum(["v", "u"])),
    "decimal": pl.Series(["1.20", None, "3.00"]).str.to_decimal(scale=2),
    "null": pl.Series([None, None, None]),
}


@pytest.mark.parametrize("series", COLUMNS.values(), ids=COLUMNS.keys())
def test_a_series_comes_back_equal(client, series):
    series = series.alias("s")
    back = client.get(client.put(series))
    assert type(back) is pl.Series
    assert_series_equal(back, series)


@pytest.mark.parametrize("series", COLUMNS.values(), ids=COLUMNS.keys())
def test_a_frame_comes_back_equal(client, series):
    frame = pl.DataFrame({"a": [1, 2, 3], "b": series})
    back = client.get(client.put(frame))
    assert type(back) is pl.DataFrame
    assert_frame_equal(back, frame)


def test_frames_without_rows_or_columns_come_back(client):
    for frame in (pl.DataFrame(), pl.DataFrame({"a": []}, schema={"a": pl.String})):
        assert_frame_equal(client.get(client.put(frame)), frame)


def test_frames_inside_containers_come_back(client):
    frame = pl.DataFrame({"a": [1, 2]})
    assert_frame_equal(client.get(client.put([frame, 1]))[0], frame)


def test_a_column_of_objects_is_refused_with_what_to_do(client):
    series = pl.Series([object], dtype=pl.Object)
    for value in (series, pl.DataFrame({"a": series})):
        with pytest.raises(TypeError, match="dtype Object.*to_list"):
            client.put(value)


def test_a_polars_frame_is_a_table_for_others(client):
    pa = pytest.importorskip("pyarrow")
    object_id = client.put(pl.DataFrame({"a": [1, 2]}))
    assert client.get_meta(object_id).typename == "vineyard::Table"
    assert pa.table(client.get_object(object_id)).to_pydict() == {"a": [1, 2]}
