# SPDX-License-Identifier: Apache-2.0
"""A process that opens the table and answers questions about it with one library: pandas, polars, duckdb or pyarrow.

Usage: consumer.py LIBRARY NUMBER MISSING ANOTHER TEXT

Talks JSON lines with demo.py. The last four are columns, and the answer is a list: rows, the sum of NUMBER, how often MISSING
is missing, the sum of ANOTHER, the most frequent TEXT, and how often that is.
"""

import json
import os
import re
import sys
import time

import pyarrow as pa
import ways


def with_pandas(number, missing, another, text):
    import pandas as pd

    def frame_of(table):
        return table.to_pandas(types_mapper=pd.ArrowDtype)

    def answer(df):
        texts = df[text].value_counts()
        return [len(df), df[number].sum(), df[missing].isna().sum(), df[another].sum(), texts.index[0], texts.iloc[0]]

    return frame_of, answer


def with_polars(number, missing, another, text):
    import polars as pl

    def frame_of(table):
        return pl.from_arrow(table, rechunk=False)

    def answer(df):
        most_frequent, count = df[text].value_counts(sort=True).row(0)
        return [df.height, df[number].sum(), df[missing].null_count(), df[another].sum(), most_frequent, count]

    return frame_of, answer


def with_duckdb(number, missing, another, text):
    import duckdb

    connection = duckdb.connect()
    query = f"""
        SELECT count(*), sum({number})::BIGINT, count(*) - count({missing}), sum({another})::BIGINT, mode({text}),
               (SELECT max(n) FROM (SELECT count(*) AS n FROM demo GROUP BY {text}))
        FROM demo"""

    def frame_of(table):
        connection.register("demo", table)
        return table

    def answer(_):
        return connection.execute(query).fetchall()[0]

    return frame_of, answer


def with_pyarrow(number, missing, another, text):
    import pyarrow.compute as pc

    def answer(table):
        texts = pc.value_counts(table[text])
        top = texts[pc.index(texts.field("counts"), pc.max(texts.field("counts"))).as_py()]
        return [table.num_rows, pc.sum(table[number]).as_py(), table[missing].null_count, pc.sum(table[another]).as_py(),
                top["values"].as_py(), top["counts"].as_py()]  # fmt: skip

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


def main(library, *columns):
    frame_of, answer = globals()[f"with_{library}"](*columns)
    # Libraries load half of themselves on first use; that is nobody's way of handing over.
    number, missing, another, text = columns
    answer(frame_of(pa.table({number: [1, 2], missing: [None, "x"], another: [None, 3], text: ["a", "a"]})))
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
    main(*sys.argv[1:])
