# SPDX-License-Identifier: Apache-2.0
"""Arrow arrays stored and read by functions of one's own. Run it with a daemon's socket, or without."""

import sys

import pyarrow as pa

import vineyard
from vineyard import ObjectMeta


def numeric_array_builder(client, array, builder):
    meta = ObjectMeta()
    meta["typename"] = "vineyard::NumericArray"
    meta["length_"] = len(array)
    meta["null_count_"] = array.null_count
    meta["offset_"] = array.offset
    values = client.put(array.buffers()[1])
    meta.add_member("buffer_", client.get_object(values))
    meta["nbytes"] = array.nbytes
    return client.create_metadata(meta)


def numeric_array_resolver(obj):
    print("resolving", obj.typename)
    values = pa.py_buffer(obj.member("buffer_"))
    return pa.Array.from_buffers(pa.int64(), int(obj.meta["length_"]), [None, values])


client = vineyard.connect(*sys.argv[1:])
with vineyard.core.context() as (builder_ctx, resolver_ctx):
    builder_ctx.register(pa.NumericArray, numeric_array_builder)
    resolver_ctx.register("vineyard::NumericArray", numeric_array_resolver)
    object_id = client.put(pa.array([1, 2, 3]))
    print(client.get(object_id).to_pylist())
