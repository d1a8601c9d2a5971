# SPDX-License-Identifier: Apache-2.0
"""Metadata as programs read and write it: `ObjectMeta` and `ObjectName`."""

from __future__ import annotations

from . import _core

_RESERVED = frozenset(
    ("id", "signature", "instance_id", "transient", "global", "typename", "nbytes", "__timestamp", "__labels", "__name")
)
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
_UNSPECIFIED = 2**64 - 1
_EMPTY_BLOB = _core.ObjectID(2**63)


class ObjectName(str):
    """A name: acts like the text."""

    __slots__ = ()

    @property
    def uri(self):
        """The name as a URI."""
        return "vineyard://" + self

    @classmethod
    def from_uri(cls, uri):
        """The name in a URI."""
        if not uri.startswith("vineyard://"):
            raise ValueError("the URI of a name begins with vineyard://")
        return cls(uri[len("vineyard://") :])

    def __reduce__(self):
        return ObjectName, (str(self),)


def _json(value):
    import json

    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _is_json_list(value):
    """Numbers, texts and lists of them: what can be told in JSON exactly."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_json_list, value))
    if isinstance(value, dict):
        return all(isinstance(k, str) for k in value) and all(map(_is_json_list, value.values()))
    return value is None or isinstance(value, (bool, int, float, str))


_new = object.__new__


class ObjectMeta:
    """The metadata of an object: fields (plain values) and members (other objects).

    A new one is filled by `meta[key] = value` and `meta.add_member`, and becomes an object by
    `client.create_metadata(meta)`. One that was fetched is read-only in effect: changes make it a draft of a new object.
    """

    # What a fetched one has all its life is set; the rest is here until somebody changes it, since lists have many.
    __slots__ = ("__dict__", "_client", "_object")
    _id = _typename = _nbytes = None
    _items = None  # of a draft: plain values as they are stored, members as Object, Blob, ObjectMeta or ObjectID
    _range = None  # of a buffer member: (payload blob, offset, length)
    _global = False

    def __init__(self, global_=False, *args, **kwargs):
        self._client = None
        self._object = None  # Object or Blob, when fetched
        self._items = {}
        if global_:
            self._global = True

    @classmethod
    def _of(cls, obj, client=None, range_=None):
        meta = _new(cls)  # not by the constructor, which would be most of what a list of metadata costs
        meta._client = client
        meta._object = obj
        if range_ is not None:
            meta._range = range_
        return meta

    # ---- what is there

    @property
    def typename(self):
        """The type name."""
        if self._typename is None and self._object is not None:
            return self._object.typename
        if self._typename is None:
            raise RuntimeError("this metadata has no type name yet: meta['typename'] = ...")
        return self._typename

    @typename.setter
    def typename(self, value):
        self._typename = str(value)

    @property
    def nbytes(self):
        """Bytes of payload, as the metadata says."""
        if self._nbytes is None and self._object is not None:
            return self._object.nbytes
        return self._nbytes or 0

    @nbytes.setter
    def nbytes(self, value):
        self._nbytes = int(value)

    @property
    def id(self):
        """The ObjectID; RuntimeError while the object is not created."""
        if self._id is None:
            if self._object is None:
                raise RuntimeError("this metadata has no id yet: client.create_metadata(meta) creates the object")
            self._id = self._find_id()
        return self._id

    @id.setter
    def id(self, value):
        self._id = _core.ObjectID(value)

    def _find_id(self):
        if not isinstance(self._object, _core.Blob) or self._object._has_id:
            return self._object.id
        if self._client is None:
            raise RuntimeError("a part of a blob has no id of its own; put it to get one")
        return self._client._put_buffer(self._object)

    def _vineyard_id(self):
        return self.id

    @property
    def signature(self):
        """A number that is the object's own."""
        return int(self.id)

    @property
    def instance_id(self):
        """The number of the instance that holds the object; 2**64 - 1 for one whose parts may be on several."""
        if self.isglobal:
            return _UNSPECIFIED
        if self._client is None:
            return _UNSPECIFIED if self._object is None else getattr(self._object, "_instance", _UNSPECIFIED)
        return self._client._connection()[2]

    @property
    def islocal(self):
        """Whether the object is on the instance that this process is connected to."""
        return not self.isglobal and (self._client is not None or self._object is not None)

    @property
    def isglobal(self):
        """Whether its parts are on several instances."""
        return self._global or bool(self._object is not None and getattr(self._object, "isglobal", False))

    def set_global(self, global_=True):
        """Marks an object whose parts are on several instances."""
        self._draft()
        self._global = bool(global_)

    @property
    def length(self):
        """Bytes of a blob, elements of a sequence or array: `length_`, `size_` or the product of `shape_`."""
        if isinstance(self._object, _core.Blob):
            return len(self._object)
        for key in ("length_", "size_", "num_rows_"):
            if key in self:
                return int(self[key])
        if "shape_" in self:
            import json
            import math

            return math.prod(json.loads(self["shape_"]))
        raise AttributeError(f"an object of type '{self.typename}' has no length")

    @property
    def timestamp(self):
        """When the object became part of the index, in milliseconds since 1970: a moment after it was put. 0 for what is
        no object of an instance: drafts, the empty blob, blobs that no client is known of.

        A part of an object is as old as the object.
        """
        client = self._client or getattr(self._object, "_client_handle", None)
        own = self._id if self._object is None else self._object._whole_id
        if client is None or own is None or own == _EMPTY_BLOB:
            return 0
        return client._created_ms(own)

    @property
    def labels(self):
        """The labels that `client.label` gave the object, a dict."""
        from . import _marks

        client = self._client or getattr(self._object, "_client_handle", None)
        return {} if client is None or (self._id is None and self._object is None) else _marks.labels_of(client, self.id)

    def label(self, key):
        """The label of that key; empty if there is none."""
        return self.labels.get(key, "")

    @property
    def meta(self):
        """Itself."""
        return self

    # ---- items

    def _known(self):
        """The reserved keys that have a value, as a dict."""
        known = {"global": self.isglobal}
        if self._typename is not None or self._object is not None:
            known["typename"] = self.typename
        if self._id is not None or self._object is not None:
            known["nbytes"] = self.nbytes
            known["transient"] = True  # unless it was persisted, which _reserved looks up
            known["instance_id"] = self.instance_id
            # An inline member gets an id only when somebody asks for it.
            own = self._id if self._id is not None else getattr(self._object, "_own_id", None)
            if own is None and isinstance(self._object, _core.Blob) and self._object._has_id:
                own = self._object.id
            if own is not None:
                known["id"] = repr(own)
                known["signature"] = int(own)
        elif self._nbytes is not None:
            known["nbytes"] = self._nbytes
        if isinstance(self._object, _core.Blob):
            known["length"] = len(self._object)
        return known

    def _reserved(self, key):
        if key == "id":
            return repr(self.id) if self._id is not None or self._object is not None else None
        if key == "__timestamp" and self._object is not None:
            return self.timestamp
        if key == "__labels" and self._object is not None:
            return self.labels
        if key == "transient" and self._object is not None:
            return not getattr(self._object, "ispersist", False)
        return self._known().get(key)

    def __getitem__(self, key):
        if key in _RESERVED or (key == "length" and isinstance(self._object, _core.Blob)):
            value = self._reserved(key)
            if value is None:
                raise KeyError(key)
            return value
        if self._items is not None:
            value = self._items[key]
            return _as_meta(value, self._client) if _is_member(value) else value
        return self._fetched(key)

    def _fetched(self, key):
        obj = self._object
        kind = 0 if isinstance(obj, _core.Blob) else obj._kind(key)
        if kind == 0 and key in (labels := self._fields_of_blob()):
            return labels[key]
        if kind == 0:
            raise KeyError(key)
        if kind == 1:
            value = obj._field(key)
            return _json(value) if isinstance(value, list) else value
        return ObjectMeta._of(obj.member(key), self._client or obj._client_handle, obj._buffer_range(key))

    def _fields_of_blob(self):
        # What a BlobBuilder was told, which seal keeps as labels.
        return self.labels if isinstance(self._object, _core.Blob) and self._object._has_id else {}

    def get(self, key, default=None):
        """The plain value, or the ObjectMeta of a member; `default` if there is none."""
        try:
            return self[key]
        except KeyError:
            return default

    def _keys(self):
        keys = set(self._known())
        if self._items is not None:
            keys.update(self._items)
        elif isinstance(self._object, _core.Blob):
            keys.update(self._fields_of_blob())
        else:
            keys.update(self._object._keys())
        return sorted(keys)

    def __contains__(self, key):
        if self._items is not None:
            return key in self._items or key in self._known()
        if isinstance(self._object, _core.Blob):
            return key in self._known() or key in self._fields_of_blob()
        return self._object._kind(key) != 0 or key in self._known()

    def __iter__(self):
        return iter(self._keys())

    def __len__(self):
        return len(self._keys())

    def keys(self):
        """The keys, sorted."""
        return self._keys()

    def items(self):
        """Pairs of key and plain value or ObjectMeta, sorted by key."""
        return [(key, self[key]) for key in self._keys()]

    def values(self):
        """Plain values and ObjectMetas, in the order of their keys."""
        return [self[key] for key in self._keys()]

    # ---- changing

    def _draft(self):
        """Makes this a draft of a new object, with everything that the fetched one has."""
        if self._items is not None:
            self._id = None
            return self._items
        if isinstance(self._object, _core.Blob):
            raise RuntimeError("a blob has no metadata to change: make an ObjectMeta, and add the blob as a member")
        typename, nbytes, is_global = self.typename, self.nbytes, self.isglobal
        items = {}
        for key in self._object._keys():
            items[key] = self._object._field(key) if self._object._kind(key) == 1 else self._fetched(key)
        self._items, self._object, self._id = items, None, None
        self._typename, self._nbytes, self._global = typename, nbytes, is_global
        return items

    def __setitem__(self, key, value):
        if key in _RESERVED:
            self._set_reserved(key, value)
        elif _is_member(value):
            self._draft()[key] = value
        else:
            self._draft()[key] = _storable(key, value)

    def _set_reserved(self, key, value):
        if key == "typename":
            self._draft()
            self._typename = str(value)
        elif key == "nbytes":
            self._draft()
            self._nbytes = int(value)
        elif key == "global":
            self.set_global(value)
        # id, signature and the like are given by the instance.

    def __delitem__(self, key):
        del self._draft()[key]

    def add_member(self, key, member):
        """Adds an Object, Blob, ObjectMeta or ObjectID as a member. RuntimeError if the key is there."""
        if not _is_member(member):
            raise TypeError(f"a member is an Object, Blob, ObjectMeta or ObjectID, not {type(member).__name__}")
        items = self._draft()
        if key in items:
            raise RuntimeError(f"'{key}' is there already: meta.reset_key('{key}') takes it away first")
        items[key] = member

    def reset_key(self, key):
        """Takes a key away; nothing happens if it is not there."""
        self._draft().pop(key, None)

    def reset(self):
        """Takes everything away."""
        self.__dict__.clear()
        self.__init__()

    def reset_signature(self):
        """Nothing: the instance gives a new object a new signature."""

    def force_local(self):
        """Takes the mark of a global object away."""
        self.set_global(False)

    def add_remote_blob(self, blob):
        """Not there yet."""
        from .errors import not_yet

        raise not_yet("ObjectMeta.add_remote_blob")

    # ---- members

    def member(self, key):
        """The member of that key as Object or Blob; None if there is none. RuntimeError if it is a plain value."""
        if self._items is None:
            return None if isinstance(self._object, _core.Blob) else self._object._find_member(key)
        if key not in self._items:
            return None
        value = self._items[key]
        if not _is_member(value):
            raise RuntimeError(f"'{key}' is a plain value, not a member; read it as meta['{key}']")
        if isinstance(value, (_core.Object, _core.Blob)):
            return value
        if isinstance(value, ObjectMeta) and value._object is not None:
            return value._object
        if self._client is None:
            raise RuntimeError(f"'{key}' is known by its id only, and this metadata has no client yet: client.get_object(meta['{key}'].id) gets it")
        return self._client._get_object(value)

    get_member = member

    def get_buffer(self, blob_id):
        """A read-only memoryview of a blob of this object."""
        from .errors import ObjectNotExistsException

        wanted = _core.ObjectID(blob_id)
        client = self._client or getattr(self._object, "_client_handle", None)
        if client is not None and (wanted == self._own_blob() or wanted in _blob_ids(self, client)):
            return memoryview(client._get_object(wanted))
        raise ObjectNotExistsException(f"{wanted!r} is no blob of this object: client.get_blob(id) gets any blob")

    def _own_blob(self):
        return self._object.id if isinstance(self._object, _core.Blob) and self._object._has_id else None

    @property
    def memory_usage(self):
        """Bytes of the distinct blobs below."""
        client = self._client or getattr(self._object, "_client_handle", None)
        if client is None:
            return len(self._object) if isinstance(self._object, _core.Blob) else 0
        return sum(len(client._get_object(i)) for i in set(_blob_ids(self, client)))

    def memory_usage_details(self, pretty=True):
        """A dict with `summary`, and the bytes of each member below."""
        details = {"summary": self.memory_usage}
        for key, value in self.items():
            if isinstance(value, ObjectMeta):
                details[key] = value.memory_usage_details(pretty)
        return details

    # ---- as text, and copies

    def _tree(self):
        return {k: v._tree() if isinstance(v, ObjectMeta) else _shown(v) for k, v in self.items()}

    def __repr__(self):
        import json

        return json.dumps(self._tree(), indent=4)

    def __str__(self):
        return "ObjectMeta " + repr(self)

    def __copy__(self):
        copy = ObjectMeta._of(self._object, self._client)
        copy.__dict__.update(self.__dict__)
        if self._items is not None:
            copy._items = dict(self._items)
        return copy

    def __deepcopy__(self, memo):
        return self.__copy__()

    def __reduce__(self):
        values, members = {}, {}
        for key, value in self.items():
            if isinstance(value, ObjectMeta):
                members[key] = value if value._id is None and value._object is None else value.id
            elif key not in _RESERVED:
                values[key] = value
        known = (self._typename or (self._object is not None and self.typename) or None, self.nbytes, self._global)
        return _restore, (values, members, known, self._id if self._object is None else self.id)


def _restore(values, members, known, object_id):
    meta = ObjectMeta()
    meta._items = {**values, **members}
    meta._typename, meta._nbytes, meta._global = known
    meta._id = object_id
    return meta


def _is_member(value):
    return isinstance(value, (ObjectMeta, _core.Object, _core.Blob, _core.ObjectID))


def _as_meta(value, client):
    if isinstance(value, ObjectMeta):
        return value
    if isinstance(value, _core.ObjectID):
        if client is None:
            meta = ObjectMeta()
            meta._id = value
            return meta
        value = client._get_object(value)
    return ObjectMeta._of(value, client)


def _shown(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _storable(key, value):
    """A plain value as it is stored: lists and dicts as JSON text."""
    if value is None or isinstance(value, (str, bool, float)):
        return value
    if isinstance(value, int):
        if not _INT_MIN <= value <= _INT_MAX:
            raise TypeError(f"'{key}': an int of more than 64 bits does not fit into metadata")
        return int(value)
    if hasattr(value, "tolist") and not isinstance(value, (list, tuple, dict)):
        value = value.tolist()  # an array, or a number of NumPy's
        if not isinstance(value, list):
            return _storable(key, value)
    if isinstance(value, (list, tuple, dict)) and _is_json_list(value):
        return _json(value)
    raise TypeError(
        f"'{key}': metadata cannot hold a value of type {type(value).__name__} "
        "(None, bool, int, float, str, lists and dicts of them; or a member)"
    )


def _blob_ids(meta, client):
    """The ids of all blobs below, some perhaps more than once."""
    obj = meta._object
    if isinstance(obj, _core.Blob):
        return [obj.id] if obj._has_id else [meta._range[0]] if meta._range else []
    ids, blobs, seen = [], [], set()
    if obj is not None:
        ids.extend(obj._reference_ids())
    for value in (meta._items or {}).values():
        if _is_member(value):
            ids.append(value if isinstance(value, _core.ObjectID) else value.id)
    while ids:
        object_id = ids.pop()
        if object_id in seen:
            continue
        seen.add(object_id)
        if object_id.is_blob:
            blobs.append(object_id)
        else:
            ids.extend(client._get_object(object_id)._reference_ids())
    return blobs


def write_document(meta, writer, node=0):
    """Writes a draft into a node of a document. Members that are drafts themselves become inline ones."""
    writer.set_type(node, meta.typename)
    writer.set_nbytes(node, meta.nbytes)
    if meta.isglobal:
        writer.set_global(node)
    items = meta._items
    if items is None:
        items = meta.__copy__()._draft()
    for key, value in items.items():
        if not _is_member(value):
            writer.set(node, key, value)
        elif isinstance(value, ObjectMeta) and value._range is not None and value._id is None:
            blob, offset, length = value._range
            writer.share_range(node, key, blob, offset, length)
        elif isinstance(value, ObjectMeta) and value._items is not None and value._id is None:
            write_document(value, writer, writer.add_node(node, key))
        else:
            writer.add_member(node, key, value)
