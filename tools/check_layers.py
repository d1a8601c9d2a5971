#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails on every include and link dependency that layers.toml does not allow.

Usage: check_layers.py [--root DIR]

Reads each `#include` under src/vineyard, python/ext and examples, and each DEPS and LIBS of the `vineyard_module` calls in
CMakeLists.txt files. Prints one line per violation and ends with status 1 if there is any.
"""

from __future__ import annotations

import argparse
import fnmatch
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tree import is_test

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"(?P<quoted>[^"]+)"|<(?P<angled>[^>]+)>)')
MODULE_CALL = re.compile(r"\bvineyard_module\s*\((?P<body>[^()]*)\)")
KEYWORDS = {"NAME", "SRCS", "HDRS", "PUBLIC_HDRS", "TESTS", "DEPS", "LIBS"}
SOURCE_SUFFIXES = {".h", ".cc", ".cpp", ".def", ".inc"}
# Headers of the C library that declare types or ask nothing of the kernel; C++ standard headers have no dot and no slash.
PLAIN_C_HEADERS = {"sys/types.h", "stdint.h", "stddef.h", "string.h", "stdlib.h", "stdio.h", "errno.h", "math.h", "time.h", "limits.h"}


@dataclass(frozen=True)
class Row:
    """One folder of the table: what it may include, and which files may use which library."""

    may_include: frozenset[str]
    third_party: dict[str, list[str]]


@dataclass(frozen=True)
class Layers:
    """The table: rows by folder (src/vineyard), rows by path (outside), libraries by name."""

    folders: dict[str, Row]
    outside: dict[str, Row]
    header_groups: dict[str, str]  # beginning of a header's name -> library
    target_groups: dict[str, str]  # CMake target -> library

    def folder_of(self, path: str) -> str | None:
        """The longest folder of the table that `path`, relative to src/vineyard, lies in."""
        parent = path.rpartition("/")[0]
        while parent:
            if parent in self.folders:
                return parent
            parent = parent.rpartition("/")[0]
        return "" if "/" not in path and "" in self.folders else None

    def owner_of_header(self, header: str) -> str | None:
        """The library that a header in angle brackets belongs to; None for the standard library, '?' when unknown."""
        if header in PLAIN_C_HEADERS:
            return None
        matches = [prefix for prefix in self.header_groups if header.startswith(prefix)]
        if matches:
            return self.header_groups[max(matches, key=len)]
        return None if "." not in header and "/" not in header else "?"


@dataclass(frozen=True)
class Module:
    """One `vineyard_module` call."""

    name: str
    place: str  # path:line of the call
    folder: str | None
    deps: tuple[str, ...]
    libs: tuple[str, ...]


def load_layers(path: Path) -> Layers:
    table = tomllib.loads(path.read_text())

    def row(entry: dict) -> Row:
        return Row(frozenset(entry["may_include"]), dict(entry.get("third_party", {})))

    folders = {name: row(entry) for name, entry in table.get("folder", {}).items()}
    outside = {name: row(entry) for name, entry in table.get("outside", {}).items()}
    libraries = table.get("third_party", {})
    header_groups = {header: name for name, library in libraries.items() for header in library["headers"]}
    target_groups = {target: name for name, library in libraries.items() for target in library["targets"]}
    for name, entry in [*folders.items(), *outside.items()]:
        unknown = (entry.may_include - folders.keys()) | (entry.third_party.keys() - libraries.keys())
        if unknown:
            raise ValueError(f"{path}: row '{name}' names {', '.join(sorted(unknown))}, which is not in the table")
    return Layers(folders, outside, header_groups, target_groups)


def allowed_library(row: Row, library: str, file_below_folder: str) -> bool:
    return any(fnmatch.fnmatch(file_below_folder, pattern) for pattern in row.third_party.get(library, []))


def check_own_include(layers: Layers, row: Row, folder: str | None, included: str) -> str | None:
    """Why a file of `folder` may not include `included` (relative to src/vineyard), or None."""
    target = layers.folder_of(included)
    if target is None:
        return f"{included} lies in no folder of layers.toml"
    if is_test(included):
        return f"{included}: fakes and test helpers are for tests only"
    if target != folder and target not in row.may_include:
        return f"{folder if folder else 'this folder'} may not include {target or 'the front door'} ({included})"
    return None


def check_file(layers: Layers, root: Path, relative: str) -> list[str]:
    """All violations of one source file, each as `path:line: reason`."""
    if relative.startswith("src/vineyard/"):
        below_source = relative.removeprefix("src/vineyard/")
        folder = layers.folder_of(below_source)
        if folder is None:
            return [f"{relative}:1: its folder has no row in layers.toml"]
        row, below = layers.folders[folder], below_source.removeprefix(folder).lstrip("/")
    else:
        folder = None
        top = max((name for name in layers.outside if relative.startswith(name + "/")), key=len)
        row, below = layers.outside[top], relative.removeprefix(top + "/")

    found = []
    for number, line in enumerate((root / relative).read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        name = match["quoted"] or match["angled"]
        if name.startswith("vineyard/"):
            reason = check_own_include(layers, row, folder, name.removeprefix("vineyard/"))
        elif match["quoted"]:
            beside = (root / relative).parent / name
            reason = None if folder is None and beside.exists() else f'"{name}" is not a path from src/'
        else:
            library = layers.owner_of_header(name)
            if library == "?":
                reason = f"<{name}> belongs to no library of layers.toml"
            elif library and not allowed_library(row, library, below):
                reason = f"<{name}>: {library} may not be used here"
            else:
                reason = None
        if reason:
            found.append(f"{relative}:{number}: {reason}")
    return found


def strip_cmake_comments(text: str) -> str:
    return re.sub(r"#[^\n]*", "", text)


def modules_of(layers: Layers, root: Path, relative: str) -> list[Module]:
    """The `vineyard_module` calls of one CMakeLists.txt under src/vineyard."""
    text = strip_cmake_comments((root / relative).read_text())
    folder = layers.folder_of(relative.removeprefix("src/vineyard/"))
    modules = []
    for match in MODULE_CALL.finditer(text):
        values: dict[str, list[str]] = {}
        current = ""
        for word in match["body"].split():
            if word in KEYWORDS:
                current = word
            else:
                values.setdefault(current, []).append(word)
        line = text.count("\n", 0, match.start()) + 1
        names = values.get("NAME", ["?"])
        modules.append(
            Module(names[0], f"{relative}:{line}", folder, tuple(values.get("DEPS", [])), tuple(values.get("LIBS", [])))
        )
    return modules


def check_modules(layers: Layers, modules: list[Module]) -> list[str]:
    """Violations among the DEPS and LIBS of the given modules."""
    folder_of_module = {module.name: module.folder for module in modules}
    found = []
    for module in modules:
        if module.folder is None:
            found.append(f"{module.place}: its folder has no row in layers.toml")
            continue
        row = layers.folders[module.folder]
        for dep in module.deps:
            if dep not in folder_of_module:
                found.append(f"{module.place}: DEPS {dep} is no module")
            elif folder_of_module[dep] != module.folder and folder_of_module[dep] not in row.may_include:
                found.append(f"{module.place}: {module.folder} may not depend on {dep}")
        for lib in module.libs:
            library = layers.target_groups.get(lib)
            if library is None:
                found.append(f"{module.place}: LIBS {lib} is no target of layers.toml")
            elif library not in row.third_party and library != "threads":
                found.append(f"{module.place}: {module.folder} may not link {lib}")
    return found


def source_files(root: Path, layers: Layers) -> list[str]:
    tops = [Path("src/vineyard"), *(Path(name) for name in layers.outside)]
    files = [path for top in tops if (root / top).is_dir() for path in (root / top).rglob("*") if path.is_file()]
    names = sorted(path.relative_to(root).as_posix() for path in files)
    return [name for name in names if not any(part in {"build", "__pycache__"} for part in name.split("/"))]


def check(root: Path) -> list[str]:
    """All violations of the tree at `root`."""
    layers = load_layers(root / "layers.toml")
    found: list[str] = []
    modules: list[Module] = []
    for name in source_files(root, layers):
        if name.startswith("src/vineyard/") and name.endswith("/CMakeLists.txt"):
            modules += modules_of(layers, root, name)
        elif Path(name).suffix in SOURCE_SUFFIXES and not is_test(name):
            found += check_file(layers, root, name)
    return found + check_modules(layers, modules)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    found = check(parser.parse_args(arguments).root)
    for line in found:
        print(line)
    print(f"{len(found)} violations of layers.toml")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
