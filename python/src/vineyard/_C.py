# SPDX-License-Identifier: Apache-2.0
"""Names that existing programs import from `vineyard._C`."""

from __future__ import annotations

from . import ObjectBuilder
from . import errors as _errors
from ._core import Blob, BlobBuilder, Object, ObjectID
from .client import Client as ClientBase
from .client import InstanceStatus, IPCClient, RPCClient, memory_copy, remote_class
from .client import connect as _connect
from .meta import ObjectMeta, ObjectName

RemoteBlob = remote_class("RemoteBlob")
RemoteBlobBuilder = remote_class("RemoteBlobBuilder")
for _name, _value in vars(_errors).items():
    if isinstance(_value, type) and issubclass(_value, Exception):
        globals()[_name] = _value

__all__ = [
    "Blob",
    "BlobBuilder",
    "ClientBase",
    "IPCClient",
    "InstanceStatus",
    "Object",
    "ObjectBuilder",
    "ObjectID",
    "ObjectMeta",
    "ObjectName",
    "RPCClient",
    "RemoteBlob",
    "RemoteBlobBuilder",
    "_connect",
    "memory_copy",
]
