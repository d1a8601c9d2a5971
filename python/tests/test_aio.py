# SPDX-License-Identifier: Apache-2.0
"""The client for asyncio."""

import asyncio
import threading

import numpy as np
import pytest
from conftest import wait_for

import vineyard
from vineyard import aio, errors


@pytest.fixture
def run(daemon, client):
    """Runs `f(client)`, a coroutine function, with an asyncio client of the shared daemon."""

    def run(function):
        async def main():
            async with aio.connect(daemon.socket) as one:
                return await asyncio.wait_for(function(one), 60)

        return asyncio.run(main())

    return run


def total(client):
    return client.status.json["objects"]["total"]


def test_values_are_put_and_got(run, client):
    async def main(one):
        object_id = await one.put(np.arange(1000), name="a")
        assert (await one.get(object_id)).tolist() == list(range(1000))
        assert (await one.get("a")).sum() == 499500 and await one.get_name("a") == object_id
        assert await one.exists(object_id)
        assert (await one.get_object(object_id)).typename == "vineyard::Tensor<int64>"
        assert (await one.get_meta(object_id)).id == object_id
        assert [m.id for m in await one.get_metas([object_id])] == [object_id]
        assert await one.list_names() == {"a": object_id}
        assert (await one.status()).memory_usage > 0
        await one.drop_name("a")
        await one.delete(object_id)
        assert not await one.exists(object_id)
        with pytest.raises(errors.ObjectNotExistsException):
            await one.get(object_id)
        return repr(one)

    assert run(main).startswith("<vineyard.aio.Client over <vineyard.Client of ")


def test_every_method_of_the_client_is_there():
    plain = {name for name in dir(vineyard.Client) if not name.startswith("_")}
    properties = {name for name in plain if not callable(getattr(vineyard.Client, name))}
    for name in plain - properties - aio._PLAIN:
        assert asyncio.iscoroutinefunction(getattr(aio.Client, name)), name


def test_connecting_is_awaited_or_entered(daemon, client):
    async def main():
        one = await aio.connect(daemon.socket)
        assert await one.get(await one.put(1)) == 1
        await one.close()
        with pytest.raises(errors.ConnectionErrorException):
            await one.put(1)
        with pytest.raises(errors.ConnectionFailedException):
            await aio.connect("/nowhere/vineyard.sock")
        async with aio.Client(vineyard.connect(daemon.socket)) as two:
            assert await two.get(await two.put("x")) == "x"

    asyncio.run(main())


def test_many_waits_and_many_puts_go_on_together(run, client):
    names = [f"name {i}" for i in range(60)]  # more than there are threads

    async def main(one):
        waits = [asyncio.ensure_future(one.get(name, wait=True)) for name in names]
        await asyncio.gather(*(one.put([i], name=name) for i, name in enumerate(names)))
        assert await asyncio.gather(*waits) == [[i] for i in range(60)]

    run(main)


def test_a_wait_ends_with_its_time(run):
    async def main(one):
        with pytest.raises(errors.VineyardException):
            await one.get_name("never", wait=0.02)
        with pytest.raises(errors.VineyardException):
            await one.get(vineyard.ObjectID(12345), wait=0.02)

    run(main)


def test_the_loop_runs_during_waits_and_copies(run, client):
    data = np.ones(40_000_000, np.uint8)

    async def main(one):
        ticks, done = 0, asyncio.Event()

        async def tick():
            nonlocal ticks
            while not done.is_set():
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.ensure_future(tick())
        wait = asyncio.ensure_future(one.get("later", wait=True))
        await one.put(data)
        before = ticks
        assert before > 0 and not wait.done()
        await one.put([1], name="later")
        assert await wait == [1] and ticks > before
        done.set()
        await ticking

    run(main)


def test_a_cancelled_wait_leaves_nothing_behind(run):
    async def main(one):
        wait = asyncio.ensure_future(one.get_name("never", wait=True))
        await asyncio.sleep(0)
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        return await one.get(await one.put([1]))

    before = threading.active_count()
    assert run(main) == [1]
    wait_for("the threads to end", lambda: threading.active_count() <= before + 1)  # asyncio.run ends its own


class Slow:
    """A value whose builder is held up until the test says so."""

    begun = threading.Event()
    go_on = threading.Event()


def _put_slowly(client, value):
    Slow.begun.set()
    assert Slow.go_on.wait(60)
    return client.put([1, 2, 3])


def test_what_a_cancelled_put_makes_is_deleted(run, client):
    Slow.begun.clear(), Slow.go_on.clear()
    before = total(client)

    async def main(one):
        with vineyard.builder_context({Slow: _put_slowly}):  # of the task, in whatever thread it builds
            put = asyncio.ensure_future(one.put(Slow(), name="slow"))
            await asyncio.get_running_loop().run_in_executor(None, Slow.begun.wait, 60)
        put.cancel()
        with pytest.raises(asyncio.CancelledError):
            await put
        Slow.go_on.set()

    run(main)
    assert total(client) == before and client.list_names("*") == {}


def test_a_put_that_was_done_when_it_is_cancelled_is_undone(run, client):
    before = total(client)

    async def main(one):
        done = threading.Event()

        def builder(client, value):
            object_id = client.put(value)
            done.set()
            return object_id

        put = asyncio.ensure_future(one.put([7], builder=builder))
        await asyncio.sleep(0)
        assert done.wait(60)  # the loop is held up: it cannot have heard of the result
        put.cancel()
        with pytest.raises(asyncio.CancelledError):
            await put

    run(main)
    assert total(client) == before


def test_metadata_of_a_cancelled_call_is_deleted(run, client):
    before = total(client)

    async def main(one):
        meta = vineyard.ObjectMeta()
        meta["typename"] = "t"
        call = asyncio.ensure_future(one.create_metadata(meta))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    run(main)
    assert total(client) == before


def test_registries_are_those_of_the_caller(run):
    async def main(one):
        object_id = await one.put([1])
        with vineyard.resolver_context({"vineyard::Sequence": lambda obj: "mine"}):
            assert await one.get(object_id) == "mine"
        assert await one.get(object_id) == [1]

    run(main)
