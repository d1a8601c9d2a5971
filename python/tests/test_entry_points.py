# SPDX-License-Identifier: Apache-2.0
"""Types of other distributions, by entry points of the group `vineyard.types`."""

import pytest

MODULE = """
class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y
    def __reduce__(self):
        raise TypeError("never pickled")

class Far(Point):
    pass

def put_point(client, value, builder):
    from vineyard import ObjectMeta
    meta = ObjectMeta()
    meta["typename"] = "{name}::Point"
    meta["x"], meta["y"] = value.x, value.y
    return client.create_metadata(meta)

def get_point(obj):
    return Point(obj.meta["x"], obj.meta["y"])

def register(builder_ctx, resolver_ctx):
    print("registers {name}")
    builder_ctx.register(Point, put_point)
    resolver_ctx.register("{name}::Point", get_point)

def half(builder_ctx, resolver_ctx):
    builder_ctx.register(Point, None)
    raise OSError("half way")

not_callable = 5
"""


@pytest.fixture
def distribution(tmp_path):
    """Makes a distribution on disk: a module, and a dist-info folder that declares entry points."""

    def make(name, *entries):
        (tmp_path / f"{name}.py").write_text(MODULE.format(name=name))
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[vineyard.types]\n" + "\n".join(entries) + "\n")
        return f"sys.path.insert(0, {str(tmp_path)!r})\n"

    return make


def test_types_of_a_distribution_are_known_at_first_use(distribution, run_python):
    code = distribution("points", "points = points:register")
    code += """
client.get(client.put([1, {"a": 2}, b"x"]))
print("importlib.metadata" in sys.modules, "points" in sys.modules)
import points
object_id = client.put(points.Far(1, 2.5))
print(client.get_meta(object_id).typename)
point = client.get(object_id)
print(point.x, point.y)
print([type(p).__name__ for p in client.get(client.put([points.Point(1, 2)]))])
"""
    assert run_python(code).split("\n") == ["False False", "registers points", "points::Point", "1 2.5", "['Point']"]


def test_a_reader_knows_them_too(distribution, run_python):
    code = distribution("points", "points = points:register")
    code += """
import vineyard
meta = vineyard.ObjectMeta()
meta["typename"], meta["x"], meta["y"] = "points::Point", 3, 4
print(client.get(client.create_metadata(meta).id).x)
"""
    assert run_python(code) == "registers points\n3"


def test_what_the_program_registers_comes_first(distribution, run_python):
    code = distribution("points", "points = points:register")
    code += """
import points, vineyard
with vineyard.builder_context({points.Point: lambda client, value: client.put("mine")}):
    print(client.get(client.put(points.Point(1, 2))))
with vineyard.builder_context({object: lambda client, value: client.put("any")}):
    print(client.get(client.put(points.Point(1, 2))))
"""
    assert run_python(code) == "mine\nany"


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("bad = bad:nothing", "AttributeError"),
        ("bad = no_such_module:f", "No module named 'no_such_module'"),
        ("bad = bad:half", "OSError: half way"),
        ("bad = bad:not_callable", "f(builder_ctx, resolver_ctx)"),
    ],
)
def test_one_that_fails_is_named_and_harms_nobody(distribution, run_python, entry, text):
    distribution("bad", entry)
    code = distribution("points", "points = points:register")
    code += """
import points, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    object_id = client.put(points.Point(1, 2))
    client.put(points.Far(1, 2))
print(client.get(object_id).y)
[one] = caught
print(one.category.__name__, one.message)
"""
    assert (lines := run_python(code).split("\n"))[:2] == ["registers points", "2"]
    assert lines[2].startswith(f"RuntimeWarning vineyard: entry point '{entry}' of bad 1.0 failed: ")
    assert text in lines[2]


def test_of_two_for_one_type_the_first_counts(distribution, run_python):
    distribution("points", "a = points:register")
    code = distribution("other", "b = points:half2", "c = points:register2")
    code += """
import points, warnings
def register2(builder_ctx, resolver_ctx):
    builder_ctx.register(points.Point, lambda client, value: client.put("second"))
points.register2, points.half2 = register2, lambda b, r: None
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(type(client.get(client.put(points.Point(1, 2)))).__name__)
print([str(w.message) for w in caught])
"""
    out = run_python(code)
    assert "Point\n" in out and "'c = points:register2' of other 1.0 registers" in out


def test_one_may_put_while_it_registers(distribution, run_python):
    code = distribution("points", "points = points:register_later")
    code += """
import points
def register_later(builder_ctx, resolver_ctx):
    import types
    print(client.get(client.put([1])), type(client.get(client.put(types.SimpleNamespace(a=1)))).__name__)
    points.register(builder_ctx, resolver_ctx)
points.register_later = register_later
print(client.get(client.put(points.Point(5, 6))).x)
"""
    assert run_python(code) == "[1] SimpleNamespace\nregisters points\n5"
