# SPDX-License-Identifier: Apache-2.0
"""The client: one class, whatever name it is asked for by."""

from __future__ import annotations

import os
import sys

from . import _config, _core, _html, _marks, _objects
from .core.builder import get_current_builders, id_of_result
from .core.resolver import get_current_resolvers
from .errors import (
    AssertionFailedException,
    ConnectionErrorException,
    ConnectionFailedException,
    DeadlineException,
    InvalidException,
    MetaTreeInvalidException,
    MetaTreeSubtreeNotExistsException,
    ObjectNotExistsException,
    ObjectNotSealedException,
    VineyardException,
    not_yet,
)
from .meta import ObjectMeta, write_document

_BY_SOCKET = "connect to the daemon of this host: vineyard.connect(), or vineyard.connect('/path/of/vineyard.sock')"
_WAIT_MS = 2**62  # for ever
_LONGEST_WAIT = 4_294_967  # seconds: what 32 bits of milliseconds hold


def _ids_of(objects):
    """A list of what stands for ids, whether one or many were given."""
    if isinstance(objects, (list, tuple, set, frozenset)):
        return list(objects)
    return [objects]


def _wait_ms(wait):
    """Milliseconds of a `wait` argument: True is for ever, a number is seconds."""
    if wait is True:
        return _WAIT_MS
    return int(wait * 1000) if wait else 0


class InstanceStatus:
    """What an instance holds. `json` is all that the daemon says, as a dict."""

    def __init__(self, text):
        import json

        self.json = json.loads(text)
        memory = self.json.get("memory", {})
        self.instance_id = self.json.get("instance", 0)
        self.deployment = "local"
        self.memory_usage = memory.get("used", 0)
        self.memory_limit = memory.get("pool", 0)
        self.deferred_requests = self.json.get("waiting", 0)
        self.ipc_connections = self.json.get("client_count", 0)
        self.rpc_connections = 0
        self.pids = self.json.get("pids", {})

    def __repr__(self):
        return (
            f"InstanceStatus(instance_id={self.instance_id}, memory_usage={self.memory_usage}, "
            f"memory_limit={self.memory_limit}, ipc_connections={self.ipc_connections})"
        )


class _Meanwhile:
    """A context manager that sets an attribute of a client."""

    def __init__(self, client, name, value):
        self._client, self._name, self._value = client, name, value

    def __enter__(self):
        self._before = getattr(self._client, self._name)
        setattr(self._client, self._name, self._value)
        return self._client

    def __exit__(self, *_):
        setattr(self._client, self._name, self._before)


class Client(_core.Client):
    """A handle on this process's connection with one instance on this host.

    Clients of one instance share one connection, threads may share a client, and a forked child may go on using it: its
    first call connects anew. Values that were got stay readable after `close`, after their deletion, and without the
    daemon. `with` closes the client at the end.

    Every id argument takes an ObjectID, Object, Blob, ObjectMeta, int or the text `o...`.
    """

    def __new__(cls, socket=None, port=None, host=None, endpoint=None, rdma_endpoint=None, session=None,
                username=None, password=None, config=None):  # fmt: skip
        _refuse_remote(port, host, endpoint, rdma_endpoint)
        return _open(cls, _configured(socket, config), autostart=False)

    def __init__(self, *args, **kwargs):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        if not self._is_open:
            return "<vineyard.Client, closed>"
        return f"<vineyard.Client of {self.ipc_socket}>"

    def __reduce__(self):
        raise TypeError("a client cannot be pickled; connect in the other process: vineyard.connect(client.ipc_socket)")

    def close(self):
        """Ends the use of this client. Views, and other clients of this process, stay as they are."""
        self._close()

    # ---- put and get: what the extension module does not do itself

    def _put(self, value, builder=None, persist=False, name=None, **kw):
        if builder is not None:
            return builder(self, value, **kw)
        result = id_of_result(get_current_builders().run(self, value, **kw))
        if persist:
            self.persist(result)
        if name is not None:
            self._name_new(result, name)
        return result

    def _name_new(self, object_id, name):
        try:
            self.put_name(object_id, name)
        except VineyardException:
            self.delete(object_id)  # nobody knows its id
            raise

    def _get(self, object_id=None, name=None, resolver=None, fetch=False, wait=False, **kw):
        if fetch:
            raise not_yet(
                "get(fetch=True), which gets objects of other instances,", "leave `fetch` out for those of this host"
            )
        if object_id is None:
            if name is None:
                raise ValueError("get needs an id or a name: client.get(object_id), or client.get(name='...')")
            object_id = self.get_name(name, wait)
        elif isinstance(object_id, str) and not _core.ObjectID._is_text(object_id):
            object_id = self.get_name(object_id, wait)
        obj = self._get_object(object_id, _wait_ms(wait))
        if resolver is None:
            return self._noted(get_current_resolvers().run(obj, **kw))
        if hasattr(resolver, "run"):
            return resolver.run(obj, **kw)
        return resolver(obj, __vineyard_client=self, **kw)

    def _resolve(self, obj):
        return self._noted(get_current_resolvers().run(obj))

    def _noted(self, value):
        # A value that says which object it came from says by which client too.
        attributes = getattr(value, "__dict__", ())
        if "__vineyard_ref" in attributes:
            attributes["__vineyard_client"] = self
        return value

    # ---- metadata and objects

    def create_metadata(self, metadata, instance_id=None):
        """Makes an object of an ObjectMeta, and returns the same ObjectMeta with its id; of a list, new ones."""
        if isinstance(metadata, (list, tuple)):
            return [self.create_metadata(m.__copy__()) for m in metadata]
        if not isinstance(metadata, ObjectMeta):
            raise TypeError(f"create_metadata takes an ObjectMeta, not {type(metadata).__name__}; `put` takes any value")
        if "typename" not in metadata:
            raise MetaTreeInvalidException("metadata has no type name: meta['typename'] = ...")
        if metadata.typename == "vineyard::Blob":
            raise AssertionFailedException("a blob is made by put or create_blob, not of metadata")
        writer = _core._Writer()
        try:
            write_document(metadata, writer)
            metadata._id = writer.publish(self)
        except ObjectNotExistsException as e:
            raise MetaTreeSubtreeNotExistsException(str(e)) from e
        metadata._client = self
        return metadata

    def get_meta(self, object_id, sync_remote=True):
        """The ObjectMeta of an object or blob."""
        return ObjectMeta._of(self._get_object(object_id), self)

    def get_metas(self, object_ids, sync_remote=True):
        """The ObjectMetas of many objects."""
        return [ObjectMeta._of(obj, self) for obj in self._get_objects(object_ids)]

    def get_object(self, object_id, sync_remote=True, fetch=False):
        """The Object (or Blob) itself, not made a value: its metadata, members and buffers."""
        if isinstance(object_id, str) and not _core.ObjectID._is_text(object_id):
            object_id = self.get_name(object_id)
        return self._get_object(object_id)

    def get_objects(self, object_ids, sync_remote=True):
        """The Objects of many ids."""
        return self._get_objects(object_ids)

    def delete(self, object_id, force=False, deep=True, memory_trim=False):
        """Takes objects out of sight; views of them stay good.

        `deep` also takes members that nothing else refers to, `force` also objects that others refer to, with all that
        refer to them. Objects that are absent, or that others refer to, are left as they are.
        """
        ids = _ids_of(object_id)
        _marks.forget(self, ids)
        self._remove(ids, force, deep)

    def exists(self, object_id):
        """Whether an object or blob of that id is there."""
        return self._exists(object_id)

    def persist(self, object_id):
        """Marks an object as one that is to be kept; other instances see persisted objects once there are any."""
        try:
            obj = self._get_object(object_id)
        except ObjectNotExistsException as e:
            raise MetaTreeSubtreeNotExistsException(str(e)) from e
        if isinstance(obj, _core.Blob):
            raise AssertionFailedException("a blob cannot be persisted by itself: persist the object that it is part of")
        _marks.persist(self, obj.id)

    def label(self, object_id, key, value=None):
        """Sets a label of an object, or those of a dict; `meta.labels` reads them."""
        labels = key if isinstance(key, dict) else {key: value}
        for name, text in labels.items():
            if not isinstance(name, str) or not isinstance(text, str):
                raise TypeError(f"a label is a text for a text, not {type(text).__name__} for {type(name).__name__}")
        obj = self._get_object(object_id)
        for name, text in labels.items():
            _marks.set_label(self, obj.id, name, text)

    def shallow_copy(self, object_id, extra_metadata=None):
        """The id of a new object with the same members and payload; fields of `extra_metadata` (a dict) override."""
        meta = self.get_meta(object_id)
        if isinstance(meta._object, _core.Blob):
            raise AssertionFailedException("a blob has no metadata to copy; its id can be a member of any object")
        for key, value in (extra_metadata or {}).items():
            meta[key] = value
        return self.create_metadata(meta).id

    def allocated_size(self, object_id):
        """Bytes of all blobs of an object."""
        return self.get_meta(object_id).memory_usage

    def list_objects(self, pattern="*", regex=False, limit=5):
        """Objects whose type name matches a glob, or a regular expression as a whole; oldest first."""
        return self._list_objects(pattern, regex, limit)

    def list_metadatas(self, pattern="*", regex=False, limit=5, nobuffer=False):
        """ObjectMetas of objects whose type name matches."""
        return [ObjectMeta._of(obj, self) for obj in self._list_objects(pattern, regex, limit)]

    def clear(self):
        """Deletes every object and name of the instance."""
        self._clear()

    def reset(self):
        """Deletes every object and name of the instance."""
        self._clear()

    # ---- names

    def put_name(self, object_id, name, replace=True):
        """Gives an object a name. A name that is taken is re-pointed, or with `replace=False` refused."""
        if isinstance(object_id, str) and not _core.ObjectID._is_text(object_id) and _core.ObjectID._is_text(name):
            object_id, name = name, object_id
        if _core.ObjectID._is_text(str(name)):
            raise InvalidException(f"'{name}' reads as an object id, so it cannot be a name")
        self._put_name(object_id, str(name), replace)

    def get_name(self, name, wait=False, sync=False):
        """The id behind a name. `wait` (True, or seconds) waits for it to appear; `sync` asks the daemon in any case."""
        return self._get_name(str(name), _wait_ms(wait), sync)

    def drop_name(self, name):
        """Forgets a name; the object stays. Dropping one that is not there is fine."""
        self._drop_name(str(name))

    def list_names(self, pattern="*", regex=False, limit=5):
        """A dict of names to ids, for names that match."""
        wanted = limit
        while True:
            names = self._list_names(pattern, regex, wanted)
            found = {name: object_id for name, object_id in names.items() if not _marks.is_mark(name)}
            if len(found) >= limit or len(names) < wanted:
                return found
            wanted = limit + len(names) - len(found)

    # ---- blobs

    def create_blob(self, size):
        """A BlobBuilder of that many bytes; a list of them for a list of sizes."""
        if isinstance(size, (list, tuple)):
            return [self.create_blob(s) for s in size]
        if not hasattr(size, "__index__"):
            raise TypeError(f"create_blob takes a number of bytes, or a list of them, not {type(size).__name__}")
        if not 0 <= size < 2**63:
            raise InvalidException(f"a blob has 0 to 2**63 - 1 bytes, not {size}")
        return _core.BlobBuilder._create(self, size)

    def create_empty_blob(self):
        """The blob without bytes."""
        return _core.BlobBuilder._create(self, 0).seal(self)

    def get_blob(self, object_id, unsafe=False):
        """The Blob of an id; None if there is none, or the object is no blob."""
        try:
            obj = self._get_object(object_id)
        except ObjectNotExistsException:
            builder = _objects.unsealed.get(int(_core.ObjectID(object_id)))
            if builder is None or builder.issealed:
                return None
            if not unsafe:
                raise ObjectNotSealedException(f"{object_id!r} is not sealed yet: builder.seal(client) publishes it") from None
            return _core.Blob._over(builder)
        return obj if isinstance(obj, _core.Blob) else None

    def get_blobs(self, object_ids, unsafe=False):
        """The Blobs of many ids."""
        return [self.get_blob(object_id) for object_id in object_ids]

    # ---- the instance

    @property
    def status(self):
        """What the instance holds, and who holds it."""
        return InstanceStatus(self._status_json())

    @property
    def instance_id(self):
        """The number of the instance's index."""
        return self._connection()[2]

    @property
    def ipc_socket(self):
        """The path of the instance's socket."""
        return self._connection()[0]

    @property
    def version(self):
        """The version of the daemon."""
        return self._connection()[1]

    @property
    def connected(self):
        """Whether the instance answers. Asking costs a message."""
        if not self._is_open:
            return False
        for _ in range(2):  # the first message finds out that a connection is lost, the second one makes a new one
            try:
                self.exists(_core.ObjectID(2**64 - 2))
                return True
            except (ConnectionErrorException, DeadlineException):
                pass
        return False

    is_ipc = property(lambda self: True, doc="Whether the instance is on this host: always.")
    is_rpc = property(lambda self: False, doc="Whether the instance is reached over TCP: never.")
    rpc_endpoint = property(lambda self: "0.0.0.0:0", doc="The TCP address of the instance: off.")
    rdma_endpoint = property(lambda self: "", doc="The RDMA address of the instance: off.")
    spread = False
    compression = True

    @property
    def timeout_seconds(self):
        """How long a call waits for the daemon before it raises DeadlineException: 300 at first.

        It is one number for all clients of this process that share the connection.
        """
        seconds = self._deadline_ms() / 1000
        return int(seconds) if seconds == int(seconds) else seconds

    @timeout_seconds.setter
    def timeout_seconds(self, seconds):
        if not 0.001 <= seconds <= _LONGEST_WAIT:
            raise ValueError(f"timeout_seconds is 0.001 to {_LONGEST_WAIT}, not {seconds!r}")
        self._set_deadline_ms(int(seconds * 1000))

    def with_compression(self, enabled=True):
        """Sets `compression` meanwhile; it is for what goes over TCP, so nothing follows from it here."""
        return _Meanwhile(self, "compression", enabled)

    def with_spread(self, enabled=True):
        """Sets `spread` meanwhile; there is one instance, so nothing follows from it yet."""
        return _Meanwhile(self, "spread", enabled)

    @property
    def meta(self):
        """A dict of instance ids to what is known of each: of this one."""
        socket, _, instance, _, _ = self._connection()
        host = os.uname().nodename
        known = {"hostid": instance, "hostname": host, "nodename": host, "ipc_socket": socket,
                 "rpc_endpoint": self.rpc_endpoint, "timestamp": 0}  # fmt: skip
        return {instance: known}

    def fork(self):
        """Another client of the same instance."""
        return _open(type(self), self.ipc_socket, autostart=False)

    def default_client(self):
        """Itself."""
        return self

    @property
    def ipc_client(self):
        """Itself."""
        return self

    @property
    def rpc_client(self):
        """Not there: this client does not use TCP."""
        raise AssertionError("this client does not use TCP: use the client itself, or its ipc_client")

    def has_ipc_client(self):
        """Always."""
        return True

    def has_rpc_client(self):
        """Never."""
        return False

    def evict(self, object_ids):
        """Nothing: objects stay in memory until they are deleted."""

    def load(self, object_ids, pin=False):
        """Nothing: objects are in memory."""

    def unpin(self, object_ids):
        """Nothing: what is viewed is pinned, and nothing else."""

    def release_object(self, object_id):
        """Nothing: an object is given back when nobody views it any more."""

    def release_objects(self, object_ids):
        """Nothing: an object is given back when nobody views it any more."""

    def debug(self, debug=None):
        """What the daemon says of itself, a dict, as `status.json`; what is asked in `debug` is not looked at."""
        return self.status.json

    def sync_meta(self):
        """Has everything that this process published taken into the index; nobody needs it to read."""
        self._sync()

    def memory_trim(self):
        """Whether memory was given back: the daemon does that by itself."""
        return False

    def is_shared_memory(self, address):
        """Whether a buffer (or array over one) is memory of an object, or a blob of this host begins at an address (int)."""
        return self.find_shared_memory(address) is not None

    def find_shared_memory(self, address):
        """The id of the blob that a buffer is part of, or that begins at an address (int); None if it is private memory.

        An address takes a message, and a look at every object of the instance.
        """
        if isinstance(address, int):
            return self._find_blob(address) if 0 <= address < 2**64 else None
        base = address
        while base is not None and not isinstance(base, _core.Blob):
            base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
        return None if base is None or base._source is None else base._source[0]


# What a wrong call is told is the name that was called.
Client._put.__qualname__ = "Client.put"
Client._get.__qualname__ = "Client.get"


def _add_missing():
    """What programs may ask for and is not there yet: each name raises, and says so."""
    names = (
        "migrate create_remote_blob get_remote_blob "
        "get_remote_blobs create_stream open_stream drop_stream stop_stream push_chunk next_chunk next_chunk_meta "
        "next_chunk_id new_buffer_chunk next_buffer_chunk is_fetchable"
    )
    for name in names.split():

        def missing(self, *args, _name=name, **kw):
            raise not_yet(f"Client.{_name}")

        missing.__name__ = name
        missing.__qualname__ = f"Client.{name}"
        missing.__doc__ = "Not there yet."
        setattr(Client, name, missing)
    Client.remote_instance_id = property(lambda self: self.instance_id, doc="The number of the instance.")


_add_missing()
IPCClient = Client
RPCClient = Client


# ---- connecting


def _refuse_remote(port, host, endpoint, rdma_endpoint):
    if port is not None or host is not None or endpoint is not None:
        raise not_yet("connecting over TCP (host, port, endpoint)", _BY_SOCKET)
    if rdma_endpoint is not None:
        raise not_yet("connecting over RDMA", _BY_SOCKET)


def _configured(socket, config):
    """The socket: of the argument, else of the environment (None here), else of a configuration file."""
    if socket is not None or os.environ.get("VINEYARD_IPC_SOCKET"):
        return socket
    socket = _config.socket_of(config)
    if config is not None and socket is None:
        raise ConnectionFailedException(f"{config}: no file there names an IPCSocket below Vineyard")
    return socket


def _daemon_program():
    """`vineyardd` of this package's installation; empty if the client library shall look for it."""
    if os.environ.get("VINEYARD_DAEMON"):
        return ""
    here = os.path.dirname(os.path.abspath(__file__))
    up = os.path.dirname
    for folder in (sys.prefix, up(up(up(up(here)))), up(up(os.path.abspath(sys.executable)))):
        program = os.path.join(folder, "bin", "vineyardd")
        if os.access(program, os.X_OK):
            return program
    return ""


def _open(cls, socket, autostart, deadline_ms=None, daemon_arguments=()):
    socket = "" if socket is None else os.fsdecode(socket)
    try:
        client, started = _core._connect(
            cls, socket, autostart, deadline_ms, _daemon_program() if autostart else "", list(daemon_arguments), ""
        )
    except ConnectionErrorException as e:
        raise ConnectionFailedException(str(e)) from None
    if started is not None:
        pool = client._connection()[4]
        print(
            f"vineyard: started a private daemon ({_human(pool)}, socket {started[1]}); it ends after its last client",
            file=sys.stderr,
        )
    return client


def _human(size):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.1f} {unit}" if unit != "B" else f"{size} B"
        size /= 1024


def _looks_like_endpoint(text):
    host, colon, port = text.rpartition(":")
    return bool(colon) and port.isdigit() and not os.path.exists(text)


def connect(*args, **kwargs):
    """Connects to an instance on this host, and returns a Client.

    `connect()` finds the running daemon ($VINEYARD_IPC_SOCKET, the user's runtime directory, /run/vineyard), or starts a
    private one and says so on stderr. `connect('/path.sock')` and `connect(socket=...)` connect to that socket only, and
    `connect(None)` starts nothing.
    """
    first = args[0] if args else None
    if isinstance(first, (tuple, list)) or (isinstance(first, str) and _looks_like_endpoint(first)):
        raise not_yet("connecting over TCP", _BY_SOCKET)
    if len(args) == 2 and (isinstance(args[1], int) or str(args[1]).isdigit()):
        raise not_yet("connecting over TCP (host, port)", _BY_SOCKET)
    timeout = kwargs.pop("timeout", None)
    deadline_ms = None if timeout is None else int(timeout * 1000)
    daemon_arguments = kwargs.pop("daemon_arguments", ())
    starts = not args and not kwargs and not os.environ.get("VINEYARD_IPC_SOCKET")
    socket, config, keywords = _connect_arguments(args, kwargs)
    _refuse_remote(**keywords)
    socket = _configured(socket, config)
    return _open(Client, socket, starts and socket is None, deadline_ms, daemon_arguments)


def _connect_arguments(args, kwargs):
    names = ("socket", "port", "host", "endpoint", "rdma_endpoint", "session", "username", "password", "config")
    given = dict(zip(names, args))
    for name, value in kwargs.items():
        if name not in names or name in given:
            raise TypeError(f"connect() has no argument '{name}', or got it twice")
        given[name] = value
    for name in ("session", "username", "password"):
        if given.pop(name, None) not in (None, ""):
            raise not_yet(f"connect({name}=...)", "leave it out; who may connect is decided by the rights of the socket's file")
    socket = given.pop("socket", None)
    return socket, given.get("config"), {n: given.get(n) for n in ("port", "host", "endpoint", "rdma_endpoint")}


def put(value, builder=None, persist=False, name=None, **kw):
    """`connect()`, then `put`."""
    return connect().put(value, builder, persist, name, **kw)


def get(object_id=None, name=None, resolver=None, fetch=False, **kw):
    """`connect()`, then `get`."""
    return connect().get(object_id, name, resolver, fetch, **kw)


# ---- a daemon of this program's own

_own = None


def try_init():
    """Starts a daemon for this program and its children (VINEYARD_IPC_SOCKET), and returns its socket."""
    global _own
    if _own is not None:
        raise AssertionError("try_init was called before: get_current_socket() says where, shutdown() ends that daemon")
    if os.environ.get("VINEYARD_IPC_SOCKET"):
        raise ValueError("VINEYARD_IPC_SOCKET is set: there is a daemon to connect to, by vineyard.connect()")
    from .deploy.local import start_private

    _own = start_private()
    os.environ["VINEYARD_IPC_SOCKET"] = _own.socket
    return _own.socket


def get_current_socket():
    """The socket of the daemon that `try_init` started; ValueError if there is none."""
    if _own is None:
        raise ValueError("no daemon was started by this program: vineyard.try_init() starts one")
    return _own.socket


def shutdown():
    """Ends the daemon that `try_init` started."""
    global _own
    if _own is not None:
        if os.environ.get("VINEYARD_IPC_SOCKET") == _own.socket:
            del os.environ["VINEYARD_IPC_SOCKET"]
        _own.stop()
        _own = None


# ---- the rest


class envvars:  # noqa: N801 - a name that programs use
    """A context manager that sets environment variables; `append` joins to what is there with a colon."""

    def __init__(self, key, value=None, append=False):
        self._wanted = dict(key) if isinstance(key, dict) else {key: value}
        self._append = append
        self._before = {}

    def __enter__(self):
        for key, value in self._wanted.items():
            self._before[key] = before = os.environ.get(key)
            if value is None:
                continue
            os.environ[key] = f"{before}:{value}" if self._append and before else str(value)
        return os.environ

    def __exit__(self, *_):
        for key, before in self._before.items():
            if before is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = before


def _memory(what, size):
    """A buffer, or the memory at an address, as a memoryview."""
    if not isinstance(what, int):
        return memoryview(what)
    import ctypes

    return memoryview((ctypes.c_ubyte * size).from_address(what)) if size else memoryview(b"")


def memory_copy(dst, *args, offset=None, concurrency=None, dst_size=None, src=None, src_size=None):
    """Copies a buffer into another one, at `offset`: `memory_copy(dst, src, offset=0)`.

    An address (int) stands for a buffer when its size comes after it, or as `dst_size`, `src_size`.
    AssertionFailedException if it does not fit or is not contiguous.
    """
    rest = list(args)
    if isinstance(dst, int) and dst_size is None:
        dst_size = rest.pop(0)
    if src is None:
        src = rest.pop(0)
    if isinstance(src, int) and src_size is None:
        src_size = rest.pop(0)
    at = int(offset if offset is not None else rest[0] if rest else 0)
    target, source = _memory(dst, dst_size), _memory(src, src_size)
    if target.readonly:
        raise TypeError("the destination is read-only: copy into a bytearray, or the buffer of a BlobBuilder")
    if not target.c_contiguous or not source.c_contiguous:
        raise AssertionFailedException("both buffers must be contiguous")
    if target.nbytes == 0 or source.nbytes == 0:
        if source.nbytes or at:
            raise AssertionFailedException("the source does not fit into the destination")
        return
    if at < 0 or at + source.nbytes > target.nbytes:
        raise AssertionFailedException(f"{source.nbytes} bytes do not fit into {target.nbytes} at offset {at}")
    target.cast("B")[at : at + source.nbytes] = source.cast("B")


_remote_classes = {}


def remote_class(name):
    """The class of a remote blob, which cannot be made yet; always the same one."""

    def __init__(self, *args, **kw):
        raise not_yet(f"vineyard.{name}")

    if name not in _remote_classes:
        _remote_classes[name] = type(name, (), {"__init__": __init__, "__doc__": "Not there yet."})
    return _remote_classes[name]


_objects.extend()
for _class, _table in (
    (_core.Object, _html.of_object),
    (_core.Blob, _html.of_blob),
    (ObjectMeta, _html.of_meta),
    (InstanceStatus, _html.of_status),
    (Client, _html.of_client),
):
    _class._repr_html_ = _table
