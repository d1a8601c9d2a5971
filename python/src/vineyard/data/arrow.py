# SPDX-License-Identifier: Apache-2.0
"""Arrow arrays, record batches and tables, and polars frames, through the Arrow PyCapsule interface: every type and layout
that the Arrow C data interface can say, buffers as they are. What comes back are views that keep their own pins.
"""

from __future__ import annotations

from .. import _core
from .builtin import register


def _encode_array(writer, node, value, scope):
    writer.set_array(node, value)


def _encode_chunked(writer, node, value, scope):
    """Chunks are inline arrays; without any, a table of one column says the type."""
    writer.set_type(node, "vineyard::ChunkedArray")
    writer.set(node, "length_", len(value))
    writer.set(node, "chunks_-size", value.num_chunks)
    for i, chunk in enumerate(value.chunks):
        writer.set_array(writer.add_node(node, f"chunks_-{i}"), chunk)
    if value.num_chunks == 0:
        import pyarrow as pa

        writer.set_table(writer.add_node(node, "empty_"), pa.table([value], [""]))


def _set_extra(writer, node, scope):
    """Keywords of `put(table, key=value)` become fields."""
    if scope.depth == 0:
        for key, value in scope.options.items():
            if key != "allow_pickle":
                writer.set(node, key, value)


def _encode_batch(writer, node, value, scope):
    writer.set_batch(node, value)
    _set_extra(writer, node, scope)


def _encode_table(writer, node, value, scope):
    writer.set_table(node, value)
    _set_extra(writer, node, scope)


def resolve_array(obj, context, options):
    """A pyarrow array over the shared bytes."""
    import pyarrow as pa

    return pa.array(_core._arrow_array(obj))


def resolve_chunked(obj, context, options):
    """A pyarrow chunked array over the shared bytes."""
    import pyarrow as pa

    size = obj._field("chunks_-size")
    if size == 0:
        return pa.table(_core._arrow_table(obj.member("empty_"))).column(0)
    return pa.chunked_array([resolve_array(obj.member(f"chunks_-{i}"), context, options) for i in range(size)])


class _Batch:
    """What pyarrow makes a record batch of."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_array__(self, requested_schema=None):
        return self._table._batch_capsules()


def resolve_batch(obj, context, options):
    """A pyarrow record batch over the shared bytes."""
    import pyarrow as pa

    return pa.record_batch(_Batch(_core._arrow_table(obj)))


def resolve_table(obj, context, options):
    """A pyarrow table, or a polars frame or series where one was put, over the shared bytes."""
    table = _core._arrow_table(obj)
    kind = obj._field("from_polars")
    if kind:
        try:
            import polars as pl
        except ImportError:
            pass
        else:
            frame = pl.DataFrame(table)
            return frame.to_series() if kind == "series" else frame
    import pyarrow as pa

    # pa.table() would import pandas, to see whether this is a data frame: a second for whoever does not use it.
    return pa.RecordBatchReader.from_stream(table).read_all()


# ---- polars


def _is_arrow(dtype):
    """Whether Arrow has that polars type: polars passes 128-bit integers under names of its own, to be pickled."""
    import polars as pl

    if dtype == pl.Object:
        raise TypeError(
            "a polars column of dtype Object holds Python objects, which other processes cannot share: "
            "cast it to another dtype, or put its values as a list (series.to_list())"
        )
    if isinstance(dtype, (pl.List, pl.Array)):
        return _is_arrow(dtype.inner)
    if isinstance(dtype, pl.Struct):
        return all(_is_arrow(field.dtype) for field in dtype.fields)
    return str(dtype) not in ("Int128", "UInt128")


def _encode_polars(writer, node, value, scope):
    import polars as pl

    if type(value) is not pl.DataFrame or not all(map(_is_arrow, value.dtypes)):
        return NotImplemented
    writer.set_table(node, value)
    writer.set(node, "from_polars", True)
    return None


def _encode_polars_series(writer, node, value, scope):
    import polars as pl

    if type(value) is not pl.Series or not _is_arrow(value.dtype):
        return NotImplemented
    writer.set_table(node, value.to_frame())
    writer.set(node, "from_polars", "series")
    return None


def _refuse_tensor(writer, node, value, scope):
    raise TypeError("put of a pyarrow.Tensor: put its NumPy array instead: tensor.to_numpy(), which copies nothing")


def register_pyarrow():
    """Adds the builders of pyarrow's types."""
    import pyarrow as pa

    from .python import _put_bytes

    register(pa.Array, _encode_array)
    register(pa.ChunkedArray, _encode_chunked)
    register(pa.RecordBatch, _encode_batch, options=None)
    register(pa.Table, _encode_table, options=None)
    register(pa.Buffer, None, whole=_put_bytes)
    register(pa.Tensor, _refuse_tensor)


def register_polars():
    """Adds the builders of polars' types."""
    import polars as pl

    register(pl.DataFrame, _encode_polars)
    register(pl.Series, _encode_polars_series)


# ---- helpers that programs with builders of their own import from here


def buffer_builder(client, buffer, builder=None):
    """A blob with a copy of an Arrow buffer; the empty blob for None."""
    return client.create_empty_blob() if buffer is None else client.get_object(client.put(memoryview(buffer)))


def as_arrow_buffer(blob):
    """A blob as an Arrow buffer, without a copy."""
    import pyarrow as pa

    return pa.py_buffer(memoryview(blob))


def table_from_recordbatches(schema, batches):
    """A pyarrow table of record batches."""
    import pyarrow as pa

    return pa.Table.from_batches(batches, schema)

