# SPDX-License-Identifier: Apache-2.0
"""Immutable objects in shared memory: put once, read by every process of the host, without a copy.

    import numpy, vineyard
    client = vineyard.connect()
    view = client.get(client.put(numpy.arange(4)))

Importing connects to nothing, starts nothing and reads no file.
"""

from __future__ import annotations

from ._core import Blob, BlobBuilder, Object, ObjectID
from .client import (
    Client,
    InstanceStatus,
    IPCClient,
    RPCClient,
    connect,
    envvars,
    get,
    get_current_socket,
    memory_copy,
    put,
    shutdown,
    try_init,
)
from .core.builder import BuilderContext, builder_context, default_builder_context
from .core.driver import default_driver_context, driver_context
from .core.resolver import ResolverContext, default_resolver_context, resolver_context
from .data import python as _types_of_python  # noqa: F401 - registers them
from .errors import (
    AlreadyStoppedException,
    ArrowErrorException,
    AssertionFailedException,
    ConnectionErrorException,
    ConnectionFailedException,
    CorruptException,
    DeadlineException,
    DeniedException,
    EndOfFileException,
    EtcdErrorException,
    GlobalObjectInvalidException,
    IOErrorException,
    InvalidException,
    InvalidStreamStateException,
    KeyErrorException,
    MetaTreeInvalidException,
    MetaTreeLinkInvalidException,
    MetaTreeNameInvalidException,
    MetaTreeNameNotExistsException,
    MetaTreeSubtreeNotExistsException,
    MetaTreeTypeInvalidException,
    MetaTreeTypeNotExistsException,
    NotEnoughMemoryException,
    NotImplementedException,
    ObjectExistsException,
    ObjectIsBlobException,
    ObjectNotExistsException,
    ObjectNotSealedException,
    ObjectSealedException,
    ObjectTypeErrorException,
    RedisErrorException,
    StreamDrainedException,
    StreamFailedException,
    StreamOpenedException,
    TypeErrorException,
    UnknownErrorException,
    UserInputErrorException,
    VineyardException,
    VineyardServerNotReadyException,
)
from .meta import ObjectMeta, ObjectName
from .version import __version__

_SUBMODULES = frozenset(
    ("_C", "aio", "core", "csi", "ctl", "data", "deploy", "errors", "io", "launcher", "pickling", "shared_memory", "systemd", "version")
)


class ObjectBuilder:
    """Base class of builders that are objects; nothing here uses it."""


class Graph:
    """Wraps an object whose metadata describes a graph."""

    def __init__(self, obj):
        self._object = obj

    def __repr__(self):
        return f"<vineyard.Graph of {self._object!r}>"

    def attr(self, key, default=None):
        """The plain value or member of that key, or `default`."""
        return self._object.meta.get(key, default)


def register_builtin_types(builder_ctx=None, resolver_ctx=None):
    """Makes the contexts know the built-in types. Calling it again does no harm."""
    if builder_ctx is not None:
        builder_ctx.use_builtins()
    if resolver_ctx is not None:
        resolver_ctx.use_builtins()


def __getattr__(name):
    if name in _SUBMODULES:
        import importlib

        return importlib.import_module("." + name, __name__)
    if name in ("RemoteBlob", "RemoteBlobBuilder"):
        from .client import remote_class

        return remote_class(name)
    if name == "logger":
        import logging

        return logging.getLogger("vineyard")
    raise AttributeError(f"module 'vineyard' has no attribute '{name}'")


__all__ = [
    "AlreadyStoppedException",
    "ArrowErrorException",
    "AssertionFailedException",
    "Blob",
    "BlobBuilder",
    "BuilderContext",
    "Client",
    "ConnectionErrorException",
    "ConnectionFailedException",
    "CorruptException",
    "DeadlineException",
    "DeniedException",
    "EndOfFileException",
    "EtcdErrorException",
    "GlobalObjectInvalidException",
    "Graph",
    "IOErrorException",
    "IPCClient",
    "InstanceStatus",
    "InvalidException",
    "InvalidStreamStateException",
    "KeyErrorException",
    "MetaTreeInvalidException",
    "MetaTreeLinkInvalidException",
    "MetaTreeNameInvalidException",
    "MetaTreeNameNotExistsException",
    "MetaTreeSubtreeNotExistsException",
    "MetaTreeTypeInvalidException",
    "MetaTreeTypeNotExistsException",
    "NotEnoughMemoryException",
    "NotImplementedException",
    "Object",
    "ObjectBuilder",
    "ObjectExistsException",
    "ObjectID",
    "ObjectIsBlobException",
    "ObjectMeta",
    "ObjectName",
    "ObjectNotExistsException",
    "ObjectNotSealedException",
    "ObjectSealedException",
    "ObjectTypeErrorException",
    "RPCClient",
    "RedisErrorException",
    "ResolverContext",
    "StreamDrainedException",
    "StreamFailedException",
    "StreamOpenedException",
    "TypeErrorException",
    "UnknownErrorException",
    "UserInputErrorException",
    "VineyardException",
    "VineyardServerNotReadyException",
    "__version__",
    "builder_context",
    "connect",
    "default_builder_context",
    "default_driver_context",
    "default_resolver_context",
    "driver_context",
    "envvars",
    "get",
    "get_current_socket",
    "memory_copy",
    "put",
    "register_builtin_types",
    "resolver_context",
    "shutdown",
    "try_init",
]
