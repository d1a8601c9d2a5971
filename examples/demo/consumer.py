# SPDX-License-Identifier: Apache-2.0
"""A process that opens the table and answers questions about it with one library: pandas, polars, duckdb or pyarrow.

Talks JSON lines with demo.py. The answer is a list: flights, miles flown, flights that never departed, minutes of delay at
departure, the carrier with most flights, its flights, aircraft seen (tail numbers).
"""

import json
import os
import re
import sys
import time

import pyarrow as pa
import ways


def with_pandas():
    import pandas as pd

    def frame_of(table):
        return table.to_pandas(types_mapper=pd.ArrowDtype)

    def answer(df):
        carriers = df["carrier"].value_counts()
        return [len(df), df["distance"].sum(), df["dep_time"].isna().sum(), df["dep_delay"].sum(),
                carriers.index[0], carriers.iloc[0], df["tailnum"].nunique()]  # fmt: skip

    return frame_of, answer


def with_polars():
    import polars as pl

    def frame_of(table):
        return pl.from_arrow(table, rechunk=False)

    def answer(df):
        carrier, its_flights = df["carrier"].value_counts(sort=True).row(0)
        return [df.height, df["distance"].sum(), df["dep_time"].null_count(), df["dep_delay"].sum(),
                carrier, its_flights, df["tailnum"].drop_nulls().n_unique()]  # fmt: skip

    return frame_of, answer


def with_duckdb():
    import duckdb

    connection = duckdb.connect()
    query = """SELECT count(*), sum(distance)::BIGINT, count(*) - count(dep_time), sum(dep_delay)::BIGINT,
                      mode(carrier), (SELECT max(n) FROM (SELECT count(*) AS n FROM flights GROUP BY carrier)),
                      count(DISTINCT tailnum) FROM flights"""

    def frame_of(table):
        connection.register("flights", table)
        return table

    def answer(_):
        return connection.execute(query).fetchone()

    return frame_of, answer


def with_pyarrow():
    import pyarrow.compute as pc

    def answer(table):
        counts = pc.value_counts(table["carrier"])
        busiest = counts[pc.index(counts.field("counts"), pc.max(counts.field("counts"))).as_py()]
        return [table.num_rows, pc.sum(table["distance"]).as_py(), table["dep_time"].null_count,
                pc.sum(table["dep_delay"]).as_py(), busiest["values"].as_py(), busiest["counts"].as_py(),
                pc.count_distinct(table["tailnum"]).as_py()]  # fmt: skip

    return lambda table: table, answer


def private_bytes():
    """Memory of this process that it shares with nobody."""
    with open("/proc/self/status") as status:
        return int(re.search(r"RssAnon:\s+(\d+) kB", status.read()).group(1)) * 1024


def shared_ranges():
    """Where shared memory and files are mapped: what lies there was not copied into this process."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            span, _, _, _, inode, *_ = line.split(maxsplit=5)
            if inode != "0":
                begin, end = (int(part, 16) for part in span.split("-"))
                yield begin, end


def copied_bytes(table):
    """Bytes of the table's buffers that lie in this process's own memory."""
    chunks = [chunk for column in table.columns for chunk in column.chunks]
    buffers = {(b.address, b.size) for chunk in chunks for b in chunk.buffers() if b is not None}
    ranges = list(shared_ranges())
    return sum(size for address, size in buffers if not any(b <= address < e for b, e in ranges))


def plain(values):
    return [value if isinstance(value, str) else int(value) for value in values]


def main(library):
    frame_of, answer = globals()[f"with_{library}"]()
    # Libraries load half of themselves on first use; that is nobody's way of handing over.
    small = pa.table({name: [1, None] for name in ("distance", "dep_time", "dep_delay")} | {"carrier": ["a", "a"], "tailnum": ["b", None]})  # fmt: skip
    answer(frame_of(small))
    print(json.dumps({"ready": True, "pid": os.getpid()}), flush=True)

    table = frame = None
    for line in sys.stdin:
        command = json.loads(line)
        before = private_bytes()
        start = time.perf_counter()
        if command["do"] == "open":
            table = ways.WAYS[command["way"]][1](command["where"])
            frame = frame_of(table)
        found = plain(answer(frame))
        seconds = time.perf_counter() - start
        print(json.dumps({"answer": found, "seconds": seconds, "private": private_bytes() - before,
                          "copied": copied_bytes(table)}), flush=True)  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
