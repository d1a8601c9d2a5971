# SPDX-License-Identifier: Apache-2.0
"""The types that the package states: complete, usable in strict mode, and those of the code.

Checked with basedpyright, which is pyright with its node from PyPI: pyright itself would download one during the tests.
"""

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import vineyard

FOLDER = Path(vineyard.__file__).parent
STUBS = sorted(str(p.relative_to(FOLDER).with_suffix("")) for p in FOLDER.rglob("*.pyi"))
# What programs do not import, or what is to come; everything else is stated completely.
NOT_STATED = ("vineyard.core.utils.", "vineyard.data.", "vineyard.deploy.", "vineyard.io.", "vineyard.csi.", "vineyard.launcher.",
              "vineyard.torch.", "vineyard.ctl.",
              "vineyard.systemd.", "vineyard.core.codegen.", "vineyard.__main__.")  # fmt: skip


def checked(folder, *arguments):
    """What basedpyright says, as JSON."""
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.stdout.lstrip().startswith("{"), done.stdout + done.stderr
    return json.loads(done.stdout)


def complaints(folder, text):
    (folder / "program.py").write_text(text)
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "include": ["program.py"]}')
    return [f"{e['range']['start']['line'] + 1}: {e['message']}" for e in checked(folder)["generalDiagnostics"]]


def test_a_program_is_clean_in_strict_mode(tmp_path):
    text = (Path(__file__).parent / "typed_program.py").read_text()
    assert complaints(tmp_path, text) == []


def test_a_wrong_program_is_not(tmp_path):
    text = "import vineyard\nvineyard.connect().put_name(5.5, 'x')\nvineyard.connect().no_such_method()\n"
    assert [c[0] for c in complaints(tmp_path, text)][:2] == ["2", "3"]


def test_every_public_symbol_has_a_known_type(tmp_path):
    symbols = checked(tmp_path, "--verifytypes", "vineyard", "--ignoreexternal")["typeCompleteness"]["symbols"]
    stated = [s for s in symbols if s["isExported"] and not (s["name"] + ".").startswith(NOT_STATED)]
    assert len(stated) > 250
    assert [s["name"] for s in stated if not s["isTypeKnown"]] == []


# ---- the stubs and the code


def is_public(name):
    return not name.startswith("_")


def module_of(stub):
    name = stub.removesuffix("__init__").replace("/", ".").rstrip(".")
    return importlib.import_module("vineyard" + ("." + name if name else ""))


def stated_in(body):
    """name -> definitions, of a module or class of a stub."""
    found = {}
    for item in body:
        names = []
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [item.name]
        elif isinstance(item, ast.AnnAssign):
            names = [item.target.id]
        elif isinstance(item, ast.Assign):
            names = [t.id for t in item.targets]
        elif isinstance(item, ast.ImportFrom):
            names = [a.asname for a in item.names if a.asname]
        for name in names:
            found.setdefault(name, []).append(item)
    return found


def parameters_of(function):
    """The names of the parameters of a function of Python or of the extension module; a list for each overload."""
    if hasattr(function, "__nb_signature__"):
        texts = [re.sub(r"\\\d+", "...", signature) + ": ..." for signature, *_ in function.__nb_signature__]
        return [parameters_in(ast.parse(text).body[0]) for text in texts]
    known = inspect.signature(function).parameters.values()
    return [[(p.name, p.default is not p.empty) for p in known if is_public(p.name)]]


def parameters_in(definition):
    a = definition.args
    positional = a.posonlyargs + a.args
    defaults = [False] * (len(positional) - len(a.defaults)) + [True] * len(a.defaults)
    known = [(p.arg, d) for p, d in zip(positional, defaults, strict=True)]
    known += [(a.vararg.arg, False)] if a.vararg else []
    known += [(p.arg, d is not None) for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True)]
    return known + ([(a.kwarg.arg, False)] if a.kwarg else [])


def compare_function(where, actual, definitions):
    if isinstance(actual, property) or isinstance(inspect.unwrap(actual), type):
        return
    if len(definitions) > 1 or hasattr(actual, "__nb_signature__"):
        return  # overloads: every name of a parameter must be one of the code's
    assert parameters_in(definitions[0]) in parameters_of(actual), f"{where}: {parameters_of(actual)}"


def compare_overloads(where, actual, definitions):
    known = {name for one in parameters_of(actual) for name, _ in one} | {"kw", "kwargs"}
    for definition in definitions:
        used = {name for name, _ in parameters_in(definition) if name != "self"}
        positional = {a.arg for a in definition.args.posonlyargs}
        assert used - positional <= known, f"{where}: {used - known} is no parameter of {known}"


def compare_class(where, actual, definition):
    stated = {n: d for n, d in stated_in(definition.body).items() if is_public(n)}
    there = {n for n, v in vars(actual).items() if is_public(n) and not n.startswith("_")}
    instance = {n for n, d in stated.items() if isinstance(d[0], ast.AnnAssign)}
    assert there - set(stated) == set(), f"{where}: the stub does not have these"
    assert set(stated) - there - instance - _inherited(actual) == set(), f"{where}: the code does not have these"
    for name, definitions in stated.items():
        value = inspect.getattr_static(actual, name, None)
        value = getattr(value, "__func__", value)
        if not callable(value) or not isinstance(definitions[0], ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if actual is vineyard.aio.Client and list(parameters_of(value)[0])[1:] == [("args", False), ("kw", False)]:
            value = getattr(vineyard.Client, name)
        if len(definitions) > 1 or hasattr(value, "__nb_signature__"):
            compare_overloads(f"{where}.{name}", value, definitions)
        else:
            compare_function(f"{where}.{name}", value, definitions)


def _inherited(cls):
    return {name for base in cls.__mro__[1:-1] for name in vars(base)}


@pytest.mark.parametrize("stub", STUBS)
def test_the_stub_is_that_of_the_code(stub):
    module = module_of(stub)
    tree = ast.parse((FOLDER / (stub + ".pyi")).read_text())
    stated = {n: d for n, d in stated_in(tree.body).items() if is_public(n)}
    for name, definitions in stated.items():
        actual = getattr(module, name)
        if isinstance(definitions[0], ast.ClassDef):
            compare_class(f"{module.__name__}.{name}", actual, definitions[0])
        elif isinstance(definitions[0], ast.FunctionDef):
            (compare_overloads if len(definitions) > 1 else compare_function)(f"{stub}.{name}", actual, definitions)
    own = {n for n, v in vars(module).items() if is_public(n) and getattr(v, "__module__", None) == module.__name__}
    assert own - set(stated) == set(), "the stub does not have these"


def test_there_is_a_stub_for_the_extension_module():
    assert "_core" in STUBS and "client" in STUBS and "aio" in STUBS and (FOLDER / "py.typed").exists()
