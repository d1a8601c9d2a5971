# SPDX-License-Identifier: Apache-2.0
"""The tables of the built-in types. A library's types are added when its first value is put or its first object is got,
so that importing vineyard imports none of them.

A built-in builder is `encode(writer, node, value, scope)`: it writes the value into a node of a document that is being
built, so that a tuple of arrays is one document with one payload blob. It returns NotImplemented, having written
nothing, for a value that it cannot keep as it is (a subclass, mostly); that is then pickled, where that is allowed.
A built-in resolver is `resolve(object, context, options)`.
"""

from __future__ import annotations

from _thread import get_ident

from .. import _core

# Which module of this package knows the types of which library (or module of one), and what to call there to have them
# registered. Python's own types are there from the start: a finalizer or a signal handler that puts may strike inside
# any import.
_pending = {
    "numpy": ("tensor", None),
    "numpy.ma": ("tensor", "register_masked"),  # importing it takes longer than putting 64 MiB
    "numpy.ma.core": ("tensor", "register_masked"),  # its home before NumPy 2.3
    "pyarrow": ("arrow", "register_pyarrow"),
    "polars": ("arrow", "register_polars"),
    "pandas": ("dataframe", None),
    "scipy": ("sparse", None),
    "torch": ("torch", None),
    "collections": ("ordered", None),
}
_loading = set()  # (library, thread) while that thread registers the types of that library
_builders = {}

# Type names begin so; the longest one wins.
_resolvers = {
    "vineyard::Blob": ("python", "resolve_blob"),
    "vineyard::Scalar<": ("python", "resolve_scalar"),
    "vineyard::Sequence": ("python", "resolve_sequence"),
    "vineyard::Pair": ("python", "resolve_pair"),
    "vineyard::Dict": ("python", "resolve_dict"),
    "vineyard::OrderedDict": ("ordered", "resolve"),
    "vineyard::Plain<": ("python", "resolve_plain"),
    "vineyard::PickleBuffer": ("pickle", "resolve"),
    "vineyard::Tensor<": ("tensor", "resolve"),
    "vineyard::Tensor<std::string>": ("tensor", "resolve_text"),
    "vineyard::ColumnMajorTensor<": ("tensor", "resolve_column_major"),
    "vineyard::MaskedTensor<": ("tensor", "resolve_masked"),
    "vineyard::ChunkedArray": ("arrow", "resolve_chunked"),
    "vineyard::RecordBatch": ("arrow", "resolve_batch"),
    "vineyard::Table": ("arrow", "resolve_table"),
    "vineyard::DataFrame": ("dataframe", "resolve_frame"),
    "vineyard::GlobalDataFrame": ("collections", "resolve_frames"),
    "vineyard::Series": ("dataframe", "resolve_series"),
    "vineyard::Index": ("dataframe", "resolve_index"),
    "vineyard::ExtensionArray<": ("dataframe", "resolve_extension"),
}

# Arrow arrays by their physical layout (interop: Arrow arrays).
_ARROW_ARRAYS = (
    "NullArray BooleanArray FixedSizeBinaryArray DecimalArray NumericArray BaseBinaryArray StringArray LargeStringArray "
    "BinaryArray LargeBinaryArray StringViewArray BinaryViewArray BaseListArray ListArray LargeListArray ListViewArray "
    "LargeListViewArray FixedSizeListArray MapArray StructArray SparseUnionArray DenseUnionArray RunEndEncodedArray "
    "DictionaryArray"
)
for _name in _ARROW_ARRAYS.split():
    _resolvers["vineyard::" + _name] = ("arrow", "resolve_array")

for _name in ("BSR", "COO", "CSC", "CSR", "DIA"):
    _resolvers[f"vineyard::{_name}Matrix<"] = ("sparse", "resolve")

_MAX_DEPTH = 40  # of containers in containers; documents allow 64


class Scope:
    """What one put carries along: the client, the builders in force, and the caller's keywords."""

    __slots__ = ("client", "context", "options", "depth")

    def __init__(self, client, context, options):
        self.client = client
        self.context = context
        self.options = options
        self.depth = 0

    def member(self, writer, parent, key, value):
        """Writes `value` as a member of a node: inline, or by the id that a registered builder gave it."""
        builder = self.context.find(type(value))
        if type(builder) is Builtin and builder.encode is not None:
            self.depth += 1
            builder.write(writer, writer.add_node(parent, key), value, self)
            self.depth -= 1
            return
        from ..core.builder import id_of_result

        writer.add_member(parent, key, id_of_result(self.context.run(self.client, value)))


class Builtin:
    """A built-in builder of one type."""

    __slots__ = ("encode", "options", "whole")

    def __init__(self, encode, options=(), whole=None):
        self.encode = encode  # None: only a whole object can be made
        self.options = None if options is None else frozenset(options)  # None: any
        self.whole = whole  # f(client, value): an object that is no document of its own

    def put(self, client, value, context, options):
        """Publishes an object of `value`; returns its id."""
        unknown = () if self.options is None else options.keys() - self.options - {"allow_pickle"}
        if unknown:
            known = ", ".join(sorted(self.options | {"allow_pickle", "builder", "name", "persist"}))
            raise TypeError(
                f"put of {type(value).__qualname__} has no keyword {', '.join(sorted(unknown))}; it knows {known}"
            )
        if self.whole is not None:
            return self.whole(client, value)
        writer = _core._Writer()
        self.write(writer, 0, value, Scope(client, context, options))
        return writer.publish(client)

    def write(self, writer, node, value, scope):
        """Writes `value` into a node, pickled if there is no other way."""
        if scope.depth > _MAX_DEPTH or self.encode(writer, node, value, scope) is NotImplemented:
            from .pickle import encode

            encode(writer, node, value, scope)


def register(cls, encode, options=(), whole=None):
    """Adds a built-in builder."""
    _builders[cls] = Builtin(encode, options, whole)


def _load(module):
    import importlib

    return importlib.import_module("." + module, __package__)


def builtin_for(cls):
    """The built-in builder of exactly that type, or None."""
    found = _builders.get(cls)
    if found is None and _pending:
        home = cls.__module__
        for library in (home, home.partition(".")[0]) if isinstance(home, str) else ():
            if (pending := _pending.get(library)) is not None:
                _register_types_of(library, *pending)
            found = _builders.get(cls)
    return found


def _register_types_of(library, module, function):
    me = (library, get_ident())
    if me in _loading:
        return  # a put inside the import that the first such put began
    _loading.add(me)
    try:
        loaded = _load(module)
        if function is not None:
            getattr(loaded, function)()
    finally:
        _loading.discard(me)
    _pending.pop(library, None)  # only now: another thread may be looking meanwhile


def is_complete():
    """Whether what `builtin_for` says is for good: not while a library's types are being registered."""
    return not _loading


def builtin_resolver_for(typename):
    """(resolver, length of the name it is known by) of a type name, or (None, -1)."""
    prefix = max((p for p in _resolvers if typename.startswith(p)), key=len, default=None)
    if prefix is None:
        return None, -1
    module, function = _resolvers[prefix]
    return getattr(_load(module), function), len(prefix.partition("<")[0])
