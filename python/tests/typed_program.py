# SPDX-License-Identifier: Apache-2.0
"""Uses the public interface as a typed program does. It is checked in strict mode (test_typing.py), and never run."""

import asyncio
from typing import Any, assert_type

import vineyard
from vineyard import aio, errors


class Point:
    def __init__(self, x: int, y: int) -> None:
        self.x = x
        self.y = y


def build(client: vineyard.Client, value: Point) -> vineyard.ObjectMeta:
    meta = vineyard.ObjectMeta()
    meta["typename"] = "program::Point"
    meta["x"], meta["y"] = value.x, value.y
    meta.add_member("text", client.put("text"))
    assert_type(client.create_metadata([meta]), list[vineyard.ObjectMeta])
    return client.create_metadata(meta)


def resolve(obj: vineyard.Object) -> Point:
    return Point(obj.meta["x"], obj.meta["y"])


def values(client: vineyard.Client) -> None:
    vineyard.default_builder_context.register(Point, build)
    vineyard.default_resolver_context.register("program::Point", resolve)
    object_id = client.put(Point(1, 2), name="point")
    assert_type(object_id, vineyard.ObjectID)
    assert_type(client.put(5, builder=lambda client, value: "made"), str)
    assert_type(client.get(object_id), Any)
    assert_type(client.get_meta(object_id).id, vineyard.ObjectID)
    assert_type(client.list_names("p*", limit=10), dict[str, vineyard.ObjectID])
    assert_type(client.get_name("point", wait=1.5), vineyard.ObjectID)
    client.delete([object_id, "o0000000000000001", 5])
    with vineyard.builder_context({Point: build}) as builders:
        assert_type(builders, vineyard.BuilderContext)
    with vineyard.core.context(builders={Point: build}) as (_, resolvers):
        assert_type(resolvers, vineyard.ResolverContext)


def blobs(client: vineyard.Client) -> int:
    builder = client.create_blob(5)
    builder.copy(0, b"abc")
    memoryview(builder)[3:] = b"de"
    blob = builder.seal(client)
    assert_type(client.create_blob([1, 2]), list[vineyard.BlobBuilder])
    found = client.get_blob(blob.id)
    assert_type(memoryview(blob), memoryview[int])
    assert_type(blob[0], int)
    assert_type(bytes(blob), bytes)
    return 0 if found is None else found.length


async def waits() -> None:
    async with aio.connect() as client:
        assert_type(client, aio.Client)
        object_id = await client.put([1, 2])
        assert_type(object_id, vineyard.ObjectID)
        assert_type(await client.get_name("late", wait=True), vineyard.ObjectID)
        assert_type((await client.status()).memory_usage, int)
        await client.delete(object_id)


def main() -> None:
    try:
        with vineyard.connect("/run/vineyard/vineyard.sock") as client:
            assert_type(client, vineyard.Client)
            values(client)
            print(blobs(client), client.status.memory_limit)
    except (errors.ConnectionFailedException, errors.ObjectNotExistsException) as e:
        print(e)
    asyncio.run(waits())


main()
