# SPDX-License-Identifier: Apache-2.0
"""Types of the package. Compared with it by tests/test_typing.py."""

import logging
from typing import Any

from . import _C as _C
from . import aio as aio
from . import core as core
from . import csi as csi
from . import data as data
from . import deploy as deploy
from . import errors as errors
from . import io as io
from . import launcher as launcher
from . import pickling as pickling
from . import shared_memory as shared_memory
from . import version as version
from ._core import Blob as Blob
from ._core import BlobBuilder as BlobBuilder
from ._core import Object as Object
from ._core import ObjectID as ObjectID
from .client import Client as Client
from .client import InstanceStatus as InstanceStatus
from .client import IPCClient as IPCClient
from .client import RPCClient as RPCClient
from .client import connect as connect
from .client import envvars as envvars
from .client import get as get
from .client import get_current_socket as get_current_socket
from .client import memory_copy as memory_copy
from .client import put as put
from .client import shutdown as shutdown
from .client import try_init as try_init
from .core.builder import BuilderContext as BuilderContext
from .core.builder import builder_context as builder_context
from .core.builder import default_builder_context as default_builder_context
from .core.driver import default_driver_context as default_driver_context
from .core.driver import driver_context as driver_context
from .core.resolver import ResolverContext as ResolverContext
from .core.resolver import default_resolver_context as default_resolver_context
from .core.resolver import resolver_context as resolver_context
from .errors import AlreadyStoppedException as AlreadyStoppedException
from .errors import ArrowErrorException as ArrowErrorException
from .errors import AssertionFailedException as AssertionFailedException
from .errors import ConnectionErrorException as ConnectionErrorException
from .errors import ConnectionFailedException as ConnectionFailedException
from .errors import CorruptException as CorruptException
from .errors import DeadlineException as DeadlineException
from .errors import DeniedException as DeniedException
from .errors import EndOfFileException as EndOfFileException
from .errors import EtcdErrorException as EtcdErrorException
from .errors import GlobalObjectInvalidException as GlobalObjectInvalidException
from .errors import IOErrorException as IOErrorException
from .errors import InvalidException as InvalidException
from .errors import InvalidStreamStateException as InvalidStreamStateException
from .errors import KeyErrorException as KeyErrorException
from .errors import MetaTreeInvalidException as MetaTreeInvalidException
from .errors import MetaTreeLinkInvalidException as MetaTreeLinkInvalidException
from .errors import MetaTreeNameInvalidException as MetaTreeNameInvalidException
from .errors import MetaTreeNameNotExistsException as MetaTreeNameNotExistsException
from .errors import MetaTreeSubtreeNotExistsException as MetaTreeSubtreeNotExistsException
from .errors import MetaTreeTypeInvalidException as MetaTreeTypeInvalidException
from .errors import MetaTreeTypeNotExistsException as MetaTreeTypeNotExistsException
from .errors import NotEnoughMemoryException as NotEnoughMemoryException
from .errors import NotImplementedException as NotImplementedException
from .errors import ObjectExistsException as ObjectExistsException
from .errors import ObjectIsBlobException as ObjectIsBlobException
from .errors import ObjectNotExistsException as ObjectNotExistsException
from .errors import ObjectNotSealedException as ObjectNotSealedException
from .errors import ObjectSealedException as ObjectSealedException
from .errors import ObjectTypeErrorException as ObjectTypeErrorException
from .errors import RedisErrorException as RedisErrorException
from .errors import StreamDrainedException as StreamDrainedException
from .errors import StreamFailedException as StreamFailedException
from .errors import StreamOpenedException as StreamOpenedException
from .errors import TypeErrorException as TypeErrorException
from .errors import UnknownErrorException as UnknownErrorException
from .errors import UserInputErrorException as UserInputErrorException
from .errors import VineyardException as VineyardException
from .errors import VineyardServerNotReadyException as VineyardServerNotReadyException
from .meta import ObjectMeta as ObjectMeta
from .meta import ObjectName as ObjectName
from .version import __version__ as __version__

logger: logging.Logger
RemoteBlob: type[Any]
RemoteBlobBuilder: type[Any]

class ObjectBuilder: ...

class Graph:
    def __init__(self, obj: Object) -> None: ...
    def attr(self, key: str, default: Any = None) -> Any: ...

def register_builtin_types(
    builder_ctx: BuilderContext | None = None, resolver_ctx: ResolverContext | None = None
) -> None: ...
