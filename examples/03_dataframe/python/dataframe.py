# SPDX-License-Identifier: Apache-2.0
"""One process puts a table, others read it as pandas, polars or pyarrow: dataframe.py put|get [SOCKET]"""

import sys

import pyarrow as pa

import vineyard

role, *socket = sys.argv[1:]
client = vineyard.connect(*socket)

if role == "put":
    table = pa.table({"city": ["Rome", "Oslo", "Rome", None], "degrees": [31.5, 12.0, 30.5, 7.25]})
    client.put(table, name="weather")
else:
    table = client.get(client.get_name("weather", wait=60))  # a pyarrow.Table over shared memory: no copy
    print(f"{table.num_rows} rows of {' '.join(table.column_names)}")

    import pandas as pd

    df = table.to_pandas(types_mapper=pd.ArrowDtype)  # still no copy
    for city, degrees in df.groupby("city")["degrees"].mean().items():
        print(f"{city}: {degrees:g}")
