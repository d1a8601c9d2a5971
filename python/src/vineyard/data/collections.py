# SPDX-License-Identifier: Apache-2.0
"""Tensors and frames in parts: objects that name the objects of which they consist."""

from __future__ import annotations

from ..meta import ObjectMeta
from .utils import to_json


def make_collection(client, typename, parts, fields, extra_meta=None):
    """The persisted ObjectMeta of a global object of that type. `parts` are ids, Objects, ints or texts `o...`."""
    parts = client.get_metas(list(parts))  # none is made if one is missing
    meta = ObjectMeta()
    meta["typename"] = typename
    meta.set_global(True)
    for key, value in {**fields, **(extra_meta or {})}.items():
        meta[key] = value
    meta["partitions_-size"] = len(parts)
    for n, part in enumerate(parts):
        meta.add_member(f"partitions_-{n}", part)
    meta["nbytes"] = sum(part.nbytes for part in parts)
    client.create_metadata(meta)
    client.persist(meta.id)
    return meta


def make_global_tensor(client, blocks, extra_meta=None, shape=None, partition_shape=None):
    """A tensor of tensors that were put: `shape` of the whole, `partition_shape` of a part. Gives the ObjectMeta.

    A part says where it belongs by `client.put(array, partition_index=[...])`.
    """
    fields = {"shape_": to_json(shape or []), "partition_shape_": to_json(partition_shape or [])}
    return make_collection(client, "vineyard::GlobalTensor", blocks, fields, extra_meta)


def make_global_dataframe(client, blocks, extra_meta=None):
    """A frame of frames that were put, one below the other. Gives the ObjectMeta; `client.get` of its id is their list."""
    blocks = list(blocks)
    fields = {"partition_shape_row_": len(blocks), "partition_shape_column_": 1}
    return make_collection(client, "vineyard::GlobalDataFrame", blocks, fields, extra_meta)


def resolve_frames(obj, context, options):
    """The values of the parts, in their order."""
    return [context.run(obj.member(f"partitions_-{n}"), **options) for n in range(int(obj._field("partitions_-size", 0)))]
