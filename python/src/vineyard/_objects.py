# SPDX-License-Identifier: Apache-2.0
"""What Object, Blob and BlobBuilder have beyond the extension module."""

from __future__ import annotations

import weakref

from . import _core, _marks
from .data.protocols import blob_dlpack, blob_dlpack_device
from .meta import ObjectMeta


def extend():
    """What Object and Blob have beyond the extension module."""
    _core.Object.meta = property(lambda self: ObjectMeta._of(self, self._client_handle), doc="The ObjectMeta.")
    _core.Blob.meta = property(lambda self: ObjectMeta._of(self), doc="The ObjectMeta.")
    _core.Blob.__reduce_ex__ = _reduce_blob
    _core.Object.__reduce_ex__ = _refuse_pickle
    _core.Object.size = _size
    _core.Blob.__dlpack__ = blob_dlpack
    _core.Blob.__dlpack_device__ = blob_dlpack_device
    _core.Object.get_member = _core.Object.member
    for cls in (_core.Object, _core.Blob):
        cls.from_ = staticmethod(_object_of)
        cls.ispersist = property(_is_persisted, doc="Whether it was persisted.")
    _core.Object.signature = property(lambda self: int(self.id), doc="A number that is the object's own.")
    _core.BlobBuilder.id = property(_known_id, doc=_id_of_builder.__doc__)
    _core.ObjectID.id = property(lambda self: self, doc="Itself.")


unsealed = weakref.WeakValueDictionary()  # builders of this process whose id somebody knows
_id_of_builder = _core.BlobBuilder.id


def _known_id(builder):
    object_id = _id_of_builder.__get__(builder)
    unsealed[int(object_id)] = builder
    return object_id


def _object_of(meta):
    """The Object or Blob of an ObjectMeta."""
    if meta._object is None and meta._client is not None and meta._id is not None:
        return meta._client._get_object(meta._id)
    if meta._object is None:
        raise RuntimeError("this metadata has no object yet: client.create_metadata(meta) creates it")
    return meta._object


def _is_persisted(self):
    # A part of another object has no id as long as nobody asks for it.
    own = self._own_id if isinstance(self, _core.Object) else None
    return own is not None and _marks.is_persisted(self._client_handle, own)


def _reduce_blob(self, protocol):
    if protocol >= 5:
        import pickle

        return _restore_blob, (pickle.PickleBuffer(self),)
    return _restore_blob, (bytes(self),)


def _restore_blob(data):
    return _core.Blob._over(data)


def _refuse_pickle(self, protocol):
    raise TypeError("an Object cannot be pickled: pickle its id, or the value that client.get(id) gives")


def _size(self):
    """The number of elements of a tensor, sequence, or anything that has a length."""
    return self.meta.length
