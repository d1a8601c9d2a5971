# SPDX-License-Identifier: Apache-2.0
"""Builders and resolvers of a program's own. Each test that changes what the short way does runs in a child."""

import os
import threading

import numpy as np
import pytest

import vineyard
from vineyard import ObjectMeta
from vineyard.core import context


class Point:
    def __init__(self, x, data):
        self.x, self.data = x, data


class Point3(Point):
    pass


def build_point(client, value, builder, **kw):
    meta = ObjectMeta()
    meta["typename"] = "my::Point"
    meta["x"] = value.x
    meta.add_member("data", builder.run(client, value.data, **kw))
    return client.create_metadata(meta)


def resolve_point(obj, resolver):
    return Point(obj.meta["x"], resolver.run(obj.member("data")))


def test_a_registered_type_is_built_and_resolved(client):
    with context({Point: build_point}, {"my::Point": resolve_point}):
        object_id = client.put(Point(3, np.arange(5)))
        back = client.get(object_id)
    assert isinstance(back, Point)
    assert back.x == 3
    np.testing.assert_array_equal(back.data, np.arange(5))
    assert getattr(back, "__vineyard_ref").id == object_id  # noqa: B009 - mangled otherwise
    assert getattr(back, "__vineyard_client") is client  # noqa: B009
    assert client.get_meta(object_id).typename == "my::Point"
    assert isinstance(client.get(object_id), vineyard.Object)


def test_a_subclass_is_built_by_its_base_class(client):
    with vineyard.builder_context({Point: build_point}):
        assert client.get_meta(client.put(Point3(1, "x"))).typename == "my::Point"


def test_registered_types_work_inside_containers(client):
    with context({Point: build_point}, {"my::Point": resolve_point}):
        back = client.get(client.put({"points": [Point(1, "a"), Point(2, [1])], "n": 3}))
    assert [p.x for p in back["points"]] == [1, 2]
    assert back["points"][1].data == [1]


def test_contexts_nest_and_are_undone_after_exceptions(client):
    def resolver(name):
        return {"my::Point": lambda obj: name}

    object_id = build_id(client)
    with vineyard.resolver_context(resolver("outer")) as outer:
        with pytest.raises(ZeroDivisionError), vineyard.resolver_context(resolver("inner")) as inner:
            assert client.get(object_id) == "inner"
            assert inner.parent_context is outer
            raise ZeroDivisionError
        assert client.get(object_id) == "outer"
    assert isinstance(client.get(object_id), vineyard.Object)


def build_id(client):
    meta = ObjectMeta()
    meta["typename"] = "my::Point"
    return client.create_metadata(meta).id


def test_a_context_is_current_in_its_thread_only(client):
    object_id = build_id(client)
    seen = []
    with vineyard.resolver_context({"my::Point": lambda obj: "here"}):
        thread = threading.Thread(target=lambda: seen.append(client.get(object_id)))
        thread.start()
        thread.join()
        assert client.get(object_id) == "here"
    assert isinstance(seen[0], vineyard.Object)


def test_the_longest_prefix_and_then_the_last_one_wins(client):
    object_id = build_id(client)
    with vineyard.resolver_context() as resolvers:
        resolvers.register("my::", lambda obj: "short")
        assert client.get(object_id) == "short"
        resolvers.register("my::Point", lambda obj: "long")
        assert client.get(object_id) == "long"
        resolvers.register("my::Point", lambda obj: "last")
        assert client.get(object_id) == "last"


def test_an_outer_meaning_can_be_asked_for(client):
    def resolve(obj, resolver):
        return ("wrapped", resolver.parent_context.run(obj))

    object_id = client.put(np.arange(3))
    with vineyard.resolver_context({"vineyard::Tensor": resolve}):
        kind, array = client.get(object_id)
    assert kind == "wrapped"
    assert array.tolist() == [0, 1, 2]


def test_failing_resolvers(client):
    object_id = build_id(client)

    def fail(obj):
        raise KeyError("x")

    def fail_with_keywords(obj, **kw):
        raise KeyError("x")

    with vineyard.resolver_context({"my::Point": fail}), pytest.raises(RuntimeError) as e:
        client.get(object_id)
    assert isinstance(e.value.__cause__, KeyError)
    with vineyard.resolver_context({"my::Point": fail_with_keywords}), pytest.raises(KeyError):
        client.get(object_id)
    with vineyard.resolver_context({"my::Point": lambda obj: None}):
        assert client.get(object_id) is None


def test_keywords_reach_builders_and_resolvers(client):
    def build(client, value, colour=None):
        meta = ObjectMeta()
        meta["typename"] = "my::Coloured"
        meta["colour"] = colour
        return client.create_metadata(meta)

    def resolve(obj, **kw):
        assert "resolver" in kw
        return obj.meta["colour"], kw["shade"]

    with context({Point: build}, {"my::Coloured": resolve}):
        object_id = client.put(Point(1, 2), colour="red")
        assert client.get(object_id, shade="dark") == ("red", "dark")
        with pytest.raises(TypeError):
            client.put(Point(1, 2), size=3)


def test_a_builder_or_resolver_for_one_call(client):
    assert client.put(5, builder=lambda client, value, **kw: ("raw", value)) == ("raw", 5)
    object_id = client.put([1])
    assert client.get(object_id, resolver=lambda obj, **kw: obj.typename) == "vineyard::Sequence"
    child = vineyard.default_resolver_context.extend({"vineyard::Sequence": lambda obj: "child"})
    assert client.get(object_id, resolver=child) == "child"


def test_wrong_registrations_are_refused():
    with pytest.raises(ValueError, match="a dict is wanted"), vineyard.resolver_context({"vineyard::Tensor", print}):
        pass
    with pytest.raises(TypeError):
        vineyard.default_resolver_context.extend().register(int, print)


def test_an_empty_context_knows_nothing_until_told(client):
    builders = vineyard.BuilderContext()
    with pytest.raises(TypeError, match="no builder"):
        builders.run(client, [1])
    vineyard.register_builtin_types(builders, None)
    assert client.get(builders.run(client, [1])) == [1]


def test_own_types_for_bytes_and_numbers_win(client):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            with context({int: lambda client, value: client.put(f"int {value}")}, {"vineyard::Blob": lambda blob: bytes(blob)}):
                assert client.get(client.put(5)) == "int 5"
                assert type(client.get(client.put(b"abc"))) is bytes
            assert client.get(client.put(5)) == 5
            assert isinstance(client.get(client.put(b"abc")), vineyard.Blob)
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_registerize_makes_a_dispatcher():
    from vineyard.core.driver import registerize

    @registerize
    def f():
        pass

    assert f._factory is None
    f.register(print)
    assert f._factory == [print]
    with pytest.raises(RuntimeError):
        f.register("key", print)

    @registerize
    def g():
        pass

    g.register("a", "b", print)
    g.register("a", "b", repr)
    assert g._factory == {"a": {"b": [print, repr]}}


def test_drivers_bind_methods_to_values():
    with vineyard.driver_context() as drivers:
        drivers.register("my::", "describe", lambda value, suffix: f"{value.x}{suffix}")
        assert drivers.resolve(Point(1, None), "my::Point").describe("!") == "1!"


def test_a_put_inside_the_first_import_of_a_library_does_not_spoil_later_ones(run_python):
    """A finalizer or signal handler may put while the types of its value's library are being registered."""
    code = """
import numpy as np
inside = []
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "vineyard.data.tensor":
            inside.append(client.put(np.arange(3)))
            inside.append(client.put(["a", {"list"}]))
sys.meta_path.insert(0, Finder())
first, second = client.put(np.arange(5)), client.put(np.arange(6))
print(len(inside), client.get_object(first).typename, client.get_object(second).typename, client.get(inside[0]).sum(), client.get(inside[1]))
"""
    assert run_python(code) == "2 vineyard::Tensor<int64> vineyard::Tensor<int64> 3 ['a', {'list'}]"
