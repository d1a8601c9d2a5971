# SPDX-License-Identifier: Apache-2.0
"""What is zero-copy and what is not: the cases of test_zero_copy.py, and docs/guides/zero-copy.md, made of them.

Usage: zero_copy.py > docs/guides/zero-copy.md
"""

import decimal
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import scipy.sparse

N = 200_000  # elements: enough for a value that is put again to be shared, rather than copied

# What put does with the bytes.
COPY = "one copy"
SHARED = "none: shares the bytes"
PICKLED = "pickled"
# What get does.
VIEW = "view"
PARTLY = "view and copies"
OWN = "copy"
# Whether the result can be written to.
NO = "no"
ON_WRITE = "pandas copies first"
YES = "yes"


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    group: str
    what: str
    make: Any  # f() -> the value; f(client) for values that are of the store already
    put: str
    get: str
    write: str
    takes_client: bool = False


def _frame(values):
    return pd.DataFrame({"a": values})


def _big():
    return np.arange(N, dtype=np.int64)


def _text():
    return [f"text number {i}" for i in range(1000)]


def _again(value):
    return lambda client: client.get(client.put(value()))


def _written_in_place(client):
    builder = client.create_blob(8 * N)
    np.frombuffer(builder, np.int64)[:] = _big()
    return builder.seal(client)


def _arrow_table():
    return pa.table({"n": _big(), "t": pa.array([f"{i}" for i in range(N)])})


def _many_arrow():
    """One array of each layout that Arrow has."""
    numbers, text = pa.array(range(1000)), pa.array(_text())
    lists = [[i, i + 1] for i in range(1000)]
    return {
        "numbers, dates, times, decimals, half floats": pa.array(
            [decimal.Decimal(i) for i in range(1000)], pa.decimal128(20, 2)
        ),
        "boolean": pa.array([True, False, None] * 300),
        "string, binary (also large)": text,
        "string view, binary view": text.cast(pa.string_view()),
        "fixed-size binary": pa.array([b"ab"] * 1000, pa.binary(2)),
        "list (large, view, fixed-size)": pa.array(lists, pa.list_view(pa.int32())),
        "map": pa.array([[("k", i)] for i in range(1000)], pa.map_(pa.string(), pa.int64())),
        "struct": pa.StructArray.from_arrays([numbers, text], ["n", "t"]),
        "union": pa.UnionArray.from_sparse(pa.array([0, 1] * 500, pa.int8()), [numbers, text]),
        "run-end encoded": pa.RunEndEncodedArray.from_arrays(pa.array([500, 1000], pa.int32()), pa.array([1, 2])),
        "dictionary": pa.array(["u", "v"] * 500).dictionary_encode(),
        "slice of an array": text[10:900],
    }


def _numpy_cases():
    for what, make, put, get, write in [
        ("numbers, bool, datetime64, timedelta64", lambda: np.ones((100, 10)), COPY, VIEW, NO),
        ("other byte order", lambda: np.arange(1000, dtype=">i4"), COPY, VIEW, NO),
        ("fixed-width text and bytes (`U`, `S`)", lambda: np.array(_text()), COPY, VIEW, NO),
        ("structured, sub-arrays", lambda: np.zeros(1000, [("a", "i4"), ("b", "f8", 3)]), COPY, VIEW, NO),
        ("Fortran order (kept)", lambda: np.ones((100, 10), order="F"), COPY, VIEW, NO),
        ("strided, reversed, broadcast (comes back in C order)", lambda: np.arange(2000)[::-2], COPY, VIEW, NO),
        ("masked array", lambda: np.ma.MaskedArray(np.arange(1000), np.arange(1000) % 3 == 0), COPY, VIEW, NO),
        ("matrix, recarray, other subclasses", lambda: np.rec.array(np.zeros(1000, "i4,f8")), PICKLED, OWN, YES),
        ("object array of str and None", lambda: np.array([*_text(), None], object), COPY, OWN, YES),
        ("other object arrays", lambda: np.array([1, "two", [3]] * 300, object), PICKLED, OWN, YES),
    ]:
        yield Case("NumPy", what, make, put, get, write)
    yield Case("NumPy", "a view of an object, put again (1 MiB and more)", _again(_big), SHARED, VIEW, NO, True)


def _pandas_cases():
    days = pd.date_range("2024-01-01", periods=1000, freq="h")
    for what, make, put, get, write in [
        ("numbers, bool, datetime64, timedelta64", lambda: _frame(np.arange(1000)), COPY, VIEW, ON_WRITE),
        ("several columns of one dtype", lambda: pd.DataFrame(np.ones((1000, 3))), COPY, VIEW, ON_WRITE),
        ("datetime with a time zone", lambda: _frame(days.tz_localize("UTC")), COPY, VIEW, ON_WRITE),
        ("categorical (its codes)", lambda: _frame(pd.Categorical(["u", "v"] * 500)), COPY, VIEW, ON_WRITE),
        (
            "nullable (`Int64`, `Float64`, `boolean`)",
            lambda: _frame(pd.array([1, None] * 500, dtype="Int64")),
            COPY,
            VIEW,
            ON_WRITE,
        ),
        ("period", lambda: _frame(days.tz_localize(None).to_period("h")), COPY, VIEW, ON_WRITE),
        ("interval", lambda: _frame(pd.interval_range(0, 1000)), COPY, VIEW, ON_WRITE),
        ("Arrow-backed", lambda: _frame(pd.array(range(1000), dtype="int64[pyarrow]")), COPY, VIEW, ON_WRITE),
        ("`string[pyarrow]`, `str`", lambda: _frame(pd.array(_text(), dtype="string[pyarrow]")), COPY, VIEW, ON_WRITE),
        ("`string[python]`", lambda: _frame(pd.array(_text(), dtype="string[python]")), COPY, OWN, YES),
        ("object column of str and None", lambda: _frame(pd.Series([*_text(), None], dtype=object)), COPY, OWN, YES),
        ("other object columns", lambda: _frame(pd.Series([1, "two", [3]] * 300, dtype=object)), PICKLED, OWN, YES),
        ("sparse column", lambda: _frame(pd.arrays.SparseArray([0, 0, 1] * 300)), PICKLED, VIEW, NO),
        ("index of numbers", lambda: pd.Index(np.arange(1000)), COPY, VIEW, NO),
        ("index of times", lambda: days, COPY, VIEW, NO),
        ("codes of a MultiIndex", lambda: pd.MultiIndex.from_product([range(10), range(100)]), COPY, VIEW, NO),
    ]:
        yield Case("pandas (frames, series, indexes)", what, make, put, get, write)


def _other_cases():
    yield Case("PyArrow", "table, record batch, chunked array", _arrow_table, COPY, VIEW, NO)
    for what, array in _many_arrow().items():
        yield Case("PyArrow", what, lambda array=array: array, COPY, VIEW, NO)
    yield Case("PyArrow", "buffer (comes back as a Blob)", lambda: pa.py_buffer(b"bytes" * 1000), COPY, VIEW, NO)
    series = {
        "numbers, dates, times, lists, structs": pl.Series("s", range(1000)),
        "text": pl.Series("s", _text()),
    }
    for what, values in series.items():
        yield Case("polars (frame, series)", what, lambda values=values: values, COPY, VIEW, NO)
    enum = pl.Series("s", ["u", "v"] * 500, dtype=pl.Enum(["u", "v"]))
    yield Case("polars (frame, series)", "categorical, enum (polars converts the codes)", lambda: enum, COPY, OWN, NO)
    for kind in ("csr", "csc", "coo", "bsr", "dia"):
        yield Case("scipy.sparse", kind, lambda kind=kind: scipy.sparse.eye_array(1000, format=kind), COPY, VIEW, NO)
    for kind in ("lil", "dok"):
        yield Case("scipy.sparse", kind, lambda kind=kind: scipy.sparse.eye_array(100, format=kind), PICKLED, OWN, YES)
    group = "Python"
    yield Case(group, "bytes, memoryview (come back as a Blob)", lambda: b"bytes" * 1000, COPY, VIEW, NO)
    yield Case(group, "a Blob written in place (`create_blob`)", _written_in_place, SHARED, VIEW, NO, True)
    yield Case(
        group,
        "list, tuple, dict with arrays in them",
        lambda: {"a": [np.ones(1000)], "b": (np.zeros(9),)},
        COPY,
        VIEW,
        NO,
    )
    yield Case(group, "str", lambda: "text" * 500_000, COPY, OWN, NO)
    yield Case(group, "bytearray", lambda: bytearray(b"bytes" * 1000), COPY, OWN, YES)
    yield Case(group, "list, tuple, dict, set of plain values", lambda: {"a": list(range(9999))}, COPY, OWN, YES)
    yield Case(group, "other values", decimal.Context, PICKLED, OWN, YES)


CASES = [*_numpy_cases(), *_pandas_cases(), *_other_cases()]

INTRODUCTION = """# What is copied, and what is not

`put` copies the bytes of a value once, into shared memory. `get` copies nothing where the layout allows it: the
result is a view of the shared bytes, and they are read-only. This page is made of the cases of a test
(`python/tests/zero_copy.py`), which checks every row.

- **put**: *one copy*: the bytes of the value, or for text and plain values their encoding, are written once. *none:
  shares the bytes*: the value lies in the store already, and the new object refers to it. *pickled*: the value or a
  part of it is pickled, large buffers outside of the pickle; only where pickle is allowed (see [your own
  types](own-types.md)).
- **get**: *view*: all large buffers of the result lie in shared memory. *copy*: the result is an ordinary value of
  this process.
- **write**: whether the result can be written to. *pandas copies first*: with copy on write, which is always on in
  pandas 3; in pandas 2 it is the option `mode.copy_on_write`, and without it writing is an error. Nothing that is
  written ever reaches the object.
"""


def page():
    """The text of docs/guides/zero-copy.md."""
    lines = [INTRODUCTION]
    for group in dict.fromkeys(case.group for case in CASES):
        lines += [f"## {group}", "", "| value | put | get | write |", "|---|---|---|---|"]
        lines += [f"| {c.what} | {c.put} | {c.get} | {c.write} |" for c in CASES if c.group == group]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(page(), end="")
