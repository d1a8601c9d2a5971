# SPDX-License-Identifier: Apache-2.0
"""The client for asyncio: the names of `vineyard.Client`, as coroutines.

    async with vineyard.aio.connect() as client:
        object_id = await client.put(array, name="a")
        view = await client.get("a", wait=True)

Calls run in threads, so that neither a long copy nor a wait holds up the event loop. Cancelling one leaves nothing
behind: a wait ends, and an object that a cancelled put has made is deleted.
"""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from . import client as _sync
from .core.builder import get_current_builders
from .core.driver import get_current_drivers
from .core.resolver import get_current_resolvers
from .errors import ConnectionErrorException, DeadlineException, ObjectNotExistsException

_THREADS = 8
_SLICE_S = 0.1  # for so long one wait occupies a thread, and for so long a cancelled one may go on


class Client:
    """A client whose calls are awaited. `sync` is the plain client that it uses, for what costs no waiting.

    Any number of tasks may share one. It belongs to no event loop. `async with` closes it at the end.
    """

    def __init__(self, *args, **kwargs):
        """As `vineyard.Client(...)`; a plain client may be given instead, and is then closed with this one."""
        given = args[0] if len(args) == 1 and not kwargs else None
        self.sync = given if isinstance(given, _sync.Client) else _sync.Client(*args, **kwargs)
        self._threads = ThreadPoolExecutor(_THREADS, "vineyard-aio")
        self._waits = ThreadPoolExecutor(_THREADS, "vineyard-aio-wait")

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.close()

    def __repr__(self):
        return f"<vineyard.aio.Client over {self.sync!r}>"

    # ---- values

    async def put(self, value, builder=None, persist=False, name=None, **kw):
        """`Client.put`. An object that a cancelled put has made is deleted, and its name with it."""
        work = functools.partial(self.sync.put, value, builder, persist, name, **kw)
        return await self._run(work, undo=functools.partial(self._undo_put, name))

    async def get(self, object_id=None, name=None, resolver=None, fetch=False, wait=False, **kw):
        """`Client.get`; `wait` (True, or seconds) waits for the name or object to appear."""
        if wait is not False and wait is not None:
            await self._wait_for(object_id if object_id is not None else name, wait)
        return await self._run(functools.partial(self.sync.get, object_id, name, resolver, fetch, **kw))

    async def get_name(self, name, wait=False, sync=False):
        """`Client.get_name`; `wait` (True, or seconds) waits for it to appear."""
        if wait is False or wait is None:
            return await self._call("get_name", name, sync=sync)
        return await self._sliced(functools.partial(self.sync.get_name, name, sync=sync), wait)

    async def create_metadata(self, metadata, instance_id=None):
        """`Client.create_metadata`. What a cancelled call has made is deleted."""
        work = functools.partial(self.sync.create_metadata, metadata, instance_id)
        return await self._run(work, undo=self._undo_metadata)

    async def close(self):
        """Closes the client, after the calls that are under way."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._end)

    def _end(self):
        self._waits.shutdown()
        self._threads.shutdown()
        self.sync.close()

    # ---- how

    async def _call(self, method, /, *args, **kw):
        return await self._run(functools.partial(getattr(self.sync, method), *args, **kw))

    async def _run(self, work, undo=None, threads=None):
        """Runs `work` in a thread. If nobody waits for it any more when it is done, `undo` takes its result back."""
        call = _Call(work, undo)
        try:
            future = asyncio.get_running_loop().run_in_executor(threads or self._threads, call)
        except RuntimeError:
            raise ConnectionErrorException("this client is closed; connect again") from None
        try:
            return await future
        except asyncio.CancelledError:
            if call.abandon():
                self._take_back(call)
            raise

    def _take_back(self, call):
        try:
            self._threads.submit(call.take_back)
        except RuntimeError:  # closing: nobody else does it
            call.take_back()

    def _undo_put(self, name, object_id):
        if name is not None and self._is_named(name, object_id):
            self.sync.drop_name(name)
        self.sync.delete(object_id)

    def _is_named(self, name, object_id):
        try:
            return self.sync.get_name(name) == object_id
        except ObjectNotExistsException:
            return False

    def _undo_metadata(self, made):
        self.sync.delete([meta.id for meta in made] if isinstance(made, list) else made.id)

    async def _wait_for(self, what, wait):
        if isinstance(what, str) and not _sync._core.ObjectID._is_text(what):
            await self.get_name(what, wait)
        else:
            await self._sliced(functools.partial(self._wait_object, what), wait)

    def _wait_object(self, object_id, wait):
        self.sync._get_object(object_id, _sync._wait_ms(wait))

    async def _sliced(self, ask, wait):
        """Asks `ask(wait=seconds)` again and again until the time is over, a short while each, so that it can be
        cancelled, and that more waits than threads take turns."""
        end = None if wait is True else time.monotonic() + wait
        while True:
            left = _SLICE_S if end is None else min(_SLICE_S, max(end - time.monotonic(), 0))
            try:
                return await self._run(functools.partial(ask, wait=left), threads=self._waits)
            except (ObjectNotExistsException, DeadlineException):
                if end is not None and time.monotonic() >= end:
                    raise


class _Call:
    """One call in a thread, in the registries of the task that made it."""

    def __init__(self, work, undo):
        self._work = work
        self._undo = undo
        self._contexts = get_current_builders(), get_current_resolvers(), get_current_drivers()
        self._lock = threading.Lock()  # guards the two below
        self._abandoned = False
        self._result = None  # of a call that is done: (value,)

    def __call__(self):
        with self._lock:
            if self._abandoned:
                return None  # it has not even begun
        result = self._in_contexts()
        with self._lock:
            self._result = (result,)
            abandoned = self._abandoned
        if abandoned:
            self.take_back()
        return result

    def _in_contexts(self):
        from .core import builder, driver, resolver

        currents = builder._current, resolver._current, driver._current
        for current, context in zip(currents, self._contexts, strict=True):
            current.push(context)
        try:
            return self._work()
        finally:
            for current in currents:
                current.pop()

    def abandon(self):
        """Nobody wants the result. Whether it is there already, and the caller has to take it back."""
        with self._lock:
            self._abandoned = True
            return self._result is not None and self._undo is not None

    def take_back(self):
        """Undoes what was done."""
        if self._undo is not None:
            self._undo(self._result[0])


class _Connecting:
    """What `connect` returns: awaited, or entered by `async with`, it gives a Client."""

    def __init__(self, work):
        self._work = work
        self._client = None

    async def _connect(self):
        client = await asyncio.get_running_loop().run_in_executor(None, self._work)
        return Client(client)

    def __await__(self):
        return self._connect().__await__()

    async def __aenter__(self):
        self._client = await self._connect()
        return self._client

    async def __aexit__(self, *_):
        await self._client.close()


def connect(*args, **kwargs):
    """`vineyard.connect`: `client = await connect(...)`, or `async with connect(...) as client`."""
    return _Connecting(functools.partial(_sync.connect, *args, **kwargs))


def _add_methods():
    """The other methods of `Client`, as coroutines of the same names and arguments."""
    for name, function in vars(_sync.Client).items():
        if name.startswith("_") or not callable(function) or name in vars(Client) or name in _PLAIN:
            continue
        _add_method(name, function)
    _add_method("exists", _sync.Client.exists)


def _add_method(name, function):
    async def method(self, *args, **kw):
        return await self._call(name, *args, **kw)

    method.__name__ = name
    method.__qualname__ = f"Client.{name}"
    method.__doc__ = f"`Client.{name}`. {function.__doc__ or ''}".strip()
    setattr(Client, name, method)


async def _status(self):
    """`Client.status`, which is a property there and asks the daemon."""
    return await self._run(lambda: self.sync.status)


# What is asked of the plain client: no waiting, or not to be had in pieces.
_PLAIN = frozenset(("default_client", "has_ipc_client", "has_rpc_client", "with_compression", "with_spread", "close"))
Client.status = _status
_add_methods()
