#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the source tree against its rules and prints the scorecard.

Usage: scorecard.py [--root DIR] [--update-readme]

Ends with status 1 when a rule is broken and tests/tidy/exceptions.toml does not say why. `--update-readme` writes the table between the
scorecard markers of README.md.
"""

from __future__ import annotations

import argparse
import ast
import fnmatch
import math
import posixpath
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import check_layers
import cpp_scan
from tree import Tree, is_test

README_MARKERS = ("<!-- scorecard: begin (tools/scorecard.py --update-readme) -->", "<!-- scorecard: end -->")


@dataclass(frozen=True)
class Violation:
    """One place where a rule is broken; `rule` and `file` are what an exception names."""

    rule: str
    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: [{self.rule}] {self.what}"


@dataclass
class Row:
    """One line of the scorecard."""

    measure: str
    value: str
    target: str
    violations: list[Violation] = field(default_factory=list)


@dataclass
class Exceptions:
    """The list of tests/tidy/exceptions.toml, and which of them were needed."""

    entries: list[dict]
    used: set[int] = field(default_factory=set)

    def allow(self, violation: Violation) -> bool:
        for number, entry in enumerate(self.entries):
            matches = entry["rule"] == violation.rule and fnmatch.fnmatch(violation.file, entry["file"])
            if matches and entry.get("match", "") in violation.what:
                self.used.add(number)
                return True
        return False

    def unused(self) -> list[Violation]:
        name = "tests/tidy/exceptions.toml"
        return [
            Violation("exceptions", name, 1, f"nothing needs the exception from {entry['rule']} for {entry['file']}")
            for number, entry in enumerate(self.entries)
            if number not in self.used
        ]


def load_exceptions(tree: Tree) -> Exceptions:
    entries = tomllib.loads(tree.text("tests/tidy/exceptions.toml")).get("exception", [])
    for entry in entries:
        if not {"rule", "file", "reason"} <= entry.keys() or len(entry["reason"]) < 20:
            raise ValueError(f"tests/tidy/exceptions.toml: {entry} needs rule, file and a reason in words")
    return Exceptions(entries)


def percentile(values: Iterable[int], percent: int) -> int:
    """The nearest-rank percentile; 0 of nothing."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)] if ranked else 0


def code_of(tree: Tree, name: str) -> list[str]:
    """The lines of a C++ file without comments and without what is between quotes."""
    return cpp_scan.blank_comments_and_strings(tree.text(name)).split("\n")


def grep(tree: Tree, names: Iterable[str], pattern: str, rule: str, what: str) -> list[Violation]:
    """A violation for each line of code that matches."""
    expression = re.compile(pattern)
    found = []
    for name in names:
        for number, line in enumerate(code_of(tree, name), 1):
            if match := expression.search(line):
                found.append(Violation(rule, name, number, what.replace("{}", match.group().strip())))
    return found


# --- sizes ------------------------------------------------------------------------------------------------------------------------------


def file_sizes(tree: Tree) -> Row:
    sizes = {name: len(tree.lines(name)) for name in [*tree.cpp_sources, *tree.python_sources]}
    p90, largest = percentile(sizes.values(), 90), max(sizes.values(), default=0)
    found = [Violation("file-size", name, 1, f"{size} lines, 800 at most") for name, size in sizes.items() if size > 800]
    if p90 > 400:
        found.append(Violation("file-size", "src", 1, f"nine files in ten have up to {p90} lines, 400 at most"))
    return Row("source file p90 / max (lines)", f"{p90} / {largest}", "400 / 800", found)


def header_sizes(tree: Tree) -> Row:
    sizes = {name: len(tree.lines(name)) for name in tree.cpp_headers}
    found = [Violation("header-size", name, 1, f"{size} lines, 250 at most") for name, size in sizes.items() if size > 250]
    return Row("header max (lines)", str(max(sizes.values(), default=0)), "250", found)


def units_per_folder(tree: Tree) -> Row:
    units = Counter()
    for stem in {name.rpartition(".")[0] for name in tree.cpp_sources}:
        units[stem.rpartition("/")[0]] += 1
    found = [Violation("units", folder, 1, f"{count} units, 16 at most") for folder, count in units.items() if count > 16]
    return Row("units per folder, max", str(max(units.values(), default=0)), "16", found)


def function_sizes(tree: Tree) -> Row:
    sizes: list[int] = []
    found = []
    for name in tree.cpp_sources:
        for function in cpp_scan.scan(tree.text(name)).functions:
            sizes.append(function.lines)
            if function.lines > 100:
                found.append(Violation("function-size", name, function.line, f"{function.name}: {function.lines} lines, 100 at most"))
    for name in tree.python_sources:
        for node in ast.walk(ast.parse(tree.text(name))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.lineno + 1
                sizes.append(lines)
                if lines > 100:
                    found.append(Violation("function-size", name, node.lineno, f"{node.name}: {lines} lines, 100 at most"))
    p90, p99 = percentile(sizes, 90), percentile(sizes, 99)
    if p90 > 28 or p99 > 70:
        found.append(Violation("function-size", "src", 1, f"p90 / p99 are {p90} / {p99} lines, 28 / 70 at most"))
    return Row("function p90 / p99 / max (lines)", f"{p90} / {p99} / {max(sizes, default=0)}", "28 / 70 / 100", found)


def build_files(tree: Tree) -> Row:
    limits = {"CMakeLists.txt": 150, "Makefile": 60}
    sizes = {name: len(tree.lines(name)) if tree.has(name) else 0 for name in limits}
    options = len(re.findall(r"^\s*option\s*\(", tree.text("CMakeLists.txt"), re.MULTILINE)) if tree.has("CMakeLists.txt") else 0
    found = [
        Violation("build-files", name, 1, f"{sizes[name]} lines, fewer than {limit} allowed")
        for name, limit in limits.items()
        if sizes[name] >= limit
    ]
    if options > 8:
        found.append(Violation("build-files", "CMakeLists.txt", 1, f"{options} options, 8 at most"))
    value = f"{sizes['CMakeLists.txt']}; {options}; {sizes['Makefile']}"
    return Row("top CMakeLists lines; options; Makefile lines", value, "under 150; 8; under 60", found)


def supervisor_size(tree: Tree) -> Row:
    lines = sum(len(tree.lines(name)) for name in tree.cpp_sources if name.startswith("src/vineyard/supervisor/"))
    found = [Violation("supervisor", "src/vineyard/supervisor", 1, f"{lines} lines, 600 at most")] if lines > 600 else []
    return Row("lines in supervisor/", str(lines), "600", found)


def data_paths(tree: Tree) -> list[Row]:
    table = tomllib.loads(tree.text("tests/tidy/data_paths.toml"))
    limits, rows = table["limits"], []
    for path in table["path"]:
        name, files = path["name"], path["files"]
        where = "tests/tidy/data_paths.toml"
        found = [Violation("data-path", where, 1, f"{name}: {file} is gone") for file in files if not tree.has(file)]
        lines = sum(len(tree.lines(file)) for file in files if tree.has(file))
        if len(files) > limits["files"] or lines > limits["lines"]:
            what = f"{name}: {len(files)} files with {lines} lines, {limits['files']} and {limits['lines']} at most"
            found.append(Violation("data-path", where, 1, what))
        value = f"{len(files)} / {lines}" if files else "not listed yet"
        rows.append(Row(f"files / lines to open to follow `{name}`", value, f"{limits['files']} / {limits['lines']}", found))
    return rows


def test_ratio(tree: Tree) -> Row:
    source = sum(len(tree.lines(name)) for name in [*tree.cpp_sources, *tree.python_sources])
    tests = sum(len(tree.lines(name)) for name in tree.tests)
    ratio = tests / source if source else 1.0
    found = [] if ratio >= 0.8 else [Violation("test-ratio", "tests", 1, f"{tests} test lines for {source} source lines")]
    return Row("test lines : source lines", f"{ratio:.2f}", "0.8 or more", found)


# --- layers -----------------------------------------------------------------------------------------------------------------------------


def layers(tree: Tree) -> Row:
    parts = [line.split(":", 2) for line in check_layers.check(tree.root)]
    found = [Violation("layers", file, int(line), reason.strip()) for file, line, reason in parts]
    return Row("includes and link dependencies outside `layers.toml`", str(len(found)), "0", found)


def compat_isolation(tree: Tree) -> Row:
    pattern = re.compile(r'^\s*#\s*include\s*"vineyard/server/compat/', re.MULTILINE)
    knowing = [n for n in tree.cpp_sources if not n.startswith("src/vineyard/server/compat/") and pattern.search(tree.text(n))]
    found = [Violation("compat", name, 1, "knows of server/compat; one file may") for name in knowing[1:]]
    return Row("files outside `server/compat` that know of it", str(len(knowing)), "1", found)


def public_headers(tree: Tree) -> Row:
    """Public headers include public headers and the standard library only, without our macros and without language switches."""
    public = {name for name in tree.files if re.fullmatch(r"src/vineyard/\w+\.h", name)}
    for name in tree.files:
        if name.startswith("src/vineyard/") and name.endswith("/CMakeLists.txt"):
            for block in re.findall(r"\bPUBLIC_HDRS\s+([^()]*?)(?=\b(?:TESTS|DEPS|LIBS|SRCS|HDRS|NAME)\b|\))", tree.text(name)):
                public |= {posixpath.normpath(f"{name.rpartition('/')[0]}/{word}") for word in block.split()}
    found = []
    for name in sorted(name for name in public if tree.has(name)):
        for number, line in enumerate(tree.lines(name), 1):
            include = check_layers.INCLUDE.match(line)
            if include and include["quoted"] and f"src/{include['quoted']}" not in public:
                found.append(Violation("public-header", name, number, f"includes {include['quoted']}, which is not public"))
            elif include and include["angled"] and "/" in include["angled"]:
                found.append(Violation("public-header", name, number, f"includes a library: {include['angled']}"))
        for number, line in enumerate(code_of(tree, name), 1):
            if re.search(r"\bVY_[A-Z]", line) or re.search(r"^\s*#\s*if.*\b__cplusplus\b", line):
                found.append(Violation("public-header", name, number, "a VY_ macro or a switch on the language version"))
    return Row("public headers; foreign types, macros, language switches in them", f"{len(public)}; {len(found)}", "-; 0", found)


# --- habits -----------------------------------------------------------------------------------------------------------------------------


def error_types(tree: Tree) -> Row:
    names = tree.cpp_sources
    found = grep(tree, names, r"\b(?:class|struct)\s+(?:\w*(?:Error|Exception|Errc)|Status)\b(?=[^;]*\{)", "error-type", "{} beside Error")
    others = [v for v in found if not v.what.startswith(("class Error ", "struct Error "))]
    return Row("error types (C++)", str(len(found)), "1", others)


def returning_macros(tree: Tree) -> Row:
    found, own = [], False
    for name in tree.cpp_sources:
        code = cpp_scan.blank_comments_and_strings(tree.text(name))
        for match in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)((?:[^\n\\]|\\\n|\\.)*)", code, re.MULTILINE):
            if not re.search(r"\b(?:co_)?return\b", match.group(2)):
                continue
            if match.group(1).startswith("VY_TRY"):
                own = True
            else:
                line = code.count("\n", 0, match.start()) + 1
                found.append(Violation("returning-macro", name, line, f"{match.group(1)} returns; only VY_TRY may"))
    return Row("macros that return", str(len(found) + own), "1", found)


def boolean_parameters(tree: Tree) -> Row:
    found = []
    for name in tree.cpp_headers:
        lines = tree.lines(name)
        for line in cpp_scan.bool_parameters(tree.text(name)):
            found.append(Violation("bool-parameter", name, line, f"use an enum class: {lines[line - 1].strip()}"))
    return Row("boolean parameters in headers", str(len(found)), "0", found)


def shared_ownership(tree: Tree) -> Row:
    found = []
    for name in tree.cpp_sources:
        lines = tree.lines(name)
        for number, line in enumerate(code_of(tree, name), 1):
            if not re.search(r"\bshared_ptr\s*<|\benable_shared_from_this\b", line):
                continue
            said = lines[number - 1].partition("//")[2] + cpp_scan.comment_above(lines, number)
            if "shared" not in said.lower():
                found.append(Violation("shared-ptr", name, number, "say in a comment why it is shared"))
    return Row("`shared_ptr` without a reason", str(len(found)), "0", found)


def raw_descriptors(tree: Tree) -> Row:
    names = [name for name in tree.cpp_sources if not name.startswith("src/vineyard/os/")]
    pattern = r"\b(?:int|std::u?int32_t)\s+(?:fd|\w+_fd)_?\b(?!\s*\()"
    found = grep(tree, names, pattern, "raw-descriptor", "'{}': hand over UniqueFd or a borrowed view of it")
    return Row("raw descriptors outside `os`", str(len(found)), "0", found)


def class_comments(tree: Tree) -> Row:
    found, asked = [], 0
    for name in tree.cpp_headers:
        lines = tree.lines(name)
        for found_class in cpp_scan.scan(tree.text(name)).classes:
            if "<" in found_class.name:
                continue  # a specialisation of somebody else's template
            asked += 1
            comment = cpp_scan.comment_above(lines, found_class.line)
            missing = [word for word in ("Owner:", "Threads:", "Always:") if word not in comment]
            if not comment:
                found.append(Violation("class-comment", name, found_class.line, f"{found_class.name} has no comment"))
            elif found_class.keyword == "class" and missing:
                found.append(Violation("class-comment", name, found_class.line, f"{found_class.name} lacks {', '.join(missing)}"))
    percent = 100 * (asked - len(found)) // asked if asked else 100
    return Row("classes in headers with the four answers", f"{percent} %", "100 %", found)


def python_docstrings(tree: Tree) -> Row:
    found, asked = [], 0
    for name in tree.python_sources:
        if any(part.startswith("_") and part != "__init__.py" for part in name.split("/")):
            continue
        for node in public_definitions(ast.parse(tree.text(name))):
            asked += 1
            if ast.get_docstring(node) is None:
                found.append(Violation("docstring", name, node.lineno, f"{node.name} has no docstring"))
    percent = 100 * (asked - len(found)) // asked if asked else 100
    return Row("public Python functions and classes with docstrings", f"{percent} %", "100 %", found)


def public_definitions(module: ast.Module) -> Iterable[ast.FunctionDef | ast.ClassDef]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (n for n in node.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_") and not is_setter(n))


def is_setter(function: ast.FunctionDef) -> bool:
    """A property's setter or deleter, whose docstring is the getter's."""
    return any(isinstance(d, ast.Attribute) and d.attr in ("setter", "deleter") for d in function.decorator_list)


def licence_lines(tree: Tree) -> Row:
    suffixes = (".h", ".cc", ".def", ".py", ".sh", ".toml", ".pml", ".cmake", ".yaml", ".yml", "CMakeLists.txt", "Makefile")
    names = [name for name in tree.files if name.endswith(suffixes)]
    found = []
    for name in names:
        first = tree.lines(name)[:2]
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in first):
            found.append(Violation("licence", name, 1, "the first line is not the SPDX line"))
    return Row("files without their SPDX line", str(len(found)), "0", found)


def todos(tree: Tree) -> Row:
    found = []
    names = [n for n in tree.files if n.endswith((".h", ".cc", ".def", ".py", ".sh", ".pml", ".txt", ".cmake")) and "tidy" not in n]
    for name in names:
        for number, line in enumerate(tree.lines(name), 1):
            if re.search(r"\b(?:TODO(?!\([a-z]+\): \w)|FIXME|XXX)\b", line) and name != "tools/scorecard.py":
                found.append(Violation("todo", name, number, "write it as TODO(kind): what is to be done"))
    return Row("`TODO` without a kind", str(len(found)), "0", found)


def banned_calls(tree: Tree) -> Row:
    found = []
    for rule in tomllib.loads(tree.text("tests/tidy/banned.toml"))["banned"]:
        names = [*tree.cpp_sources, *(n for n in tree.cpp_all if is_test(n) and not n.startswith("bench/") and rule.get("tests", False))]
        names = [n for n in names if not any(fnmatch.fnmatch(n, pattern) for pattern in rule.get("except", []))]
        found += grep(tree, names, rule["pattern"], "banned", "'{}': use " + rule["instead"])
    return Row("banned calls", str(len(found)), "0", found)


def pragma_once(tree: Tree) -> Row:
    names = [name for name in tree.cpp_all if name.endswith(".h")]
    found = [Violation("pragma-once", n, 1, "#pragma once is missing") for n in names if "#pragma once" not in tree.text(n)]
    return Row("headers without `#pragma once`", str(len(found)), "0", found)


# --- housekeeping -----------------------------------------------------------------------------------------------------------------------


def listed_files(tree: Tree) -> set[str]:
    """All paths that CMake files name, from the top of the tree."""
    listed = set()
    for name in (name for name in tree.files if name.endswith(("CMakeLists.txt", ".cmake"))):
        folder = posixpath.dirname(name)
        for word in re.split(r"[\s()\"]+", tree.text(name)):
            if word.startswith("${PROJECT_SOURCE_DIR}/"):
                listed.add(posixpath.normpath(word.removeprefix("${PROJECT_SOURCE_DIR}/")))
            else:
                listed.add(posixpath.normpath(posixpath.join(folder, word.removeprefix("${CMAKE_CURRENT_SOURCE_DIR}/"))))
    return listed


def unlisted_files(tree: Tree) -> Row:
    """Every C++ file of the product and its tests belongs to a target; helper headers of tests need not be named."""
    listed = listed_files(tree)
    tops = ("src/", "tests/", "bench/", "python/ext/", "examples/")
    names = [name for name in tree.cpp_all if name.startswith(tops) and not (name.endswith(".h") and is_test(name))]
    found = [Violation("unlisted", name, 1, "no CMake file lists it") for name in names if name not in listed]
    return Row("files that no target lists", str(len(found)), "0", found)


def dead_links(tree: Tree) -> Row:
    found = []
    for name in (name for name in tree.files if name.endswith(".md")):
        text = re.sub(r"```.*?```", lambda m: "\n" * m.group().count("\n"), tree.text(name), flags=re.DOTALL)
        for match in re.finditer(r"\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)", text):
            target = match.group(1).split("#")[0]
            if target and "://" not in target and not target.startswith("mailto:"):
                if not (tree.root / name).parent.joinpath(target).exists():
                    found.append(Violation("dead-link", name, text.count("\n", 0, match.start()) + 1, target))
    adrs = {match.group(1) for name in tree.files if (match := re.match(r"docs/adr/(\d{4})-", name))}
    for name in tree.files:
        if name.endswith((".h", ".cc", ".py", ".md", ".def", ".pml", ".txt", ".cmake")) and not name.startswith("tests/tidy/"):
            for match in re.finditer(r"\bADR (\d{4})\b|\bdocs/adr/(\d{4})\b", tree.text(name)):
                number = match.group(1) or match.group(2)
                if number not in adrs:
                    line = tree.text(name).count("\n", 0, match.start()) + 1
                    found.append(Violation("dead-link", name, line, f"there is no ADR {number}"))
    return Row("dead links", str(len(found)), "0", found)


def folder_readmes(tree: Tree) -> Row:
    """Each folder of layers.toml, and each kind of type, says what it is for."""
    known = check_layers.load_layers(tree.root / "layers.toml").folders
    present = {name.rpartition("/")[0].removeprefix("src/vineyard/") for name in tree.cpp_sources if name.startswith("src/vineyard/")}
    folders = [f"src/vineyard/{f}" for f in present if f in known and f or f.startswith("types/") and f.count("/") == 1]
    found = [Violation("readme", folder, 1, "has no README.md") for folder in sorted(folders) if not tree.has(f"{folder}/README.md")]
    return Row("source folders without README", str(len(found)), "0", found)


MEASURES: list[Callable[[Tree], Row | list[Row]]] = [
    layers, file_sizes, header_sizes, units_per_folder, function_sizes, class_comments, python_docstrings, error_types,
    returning_macros, boolean_parameters, shared_ownership, raw_descriptors, banned_calls, public_headers, compat_isolation,
    supervisor_size, test_ratio, build_files, data_paths, licence_lines, pragma_once, todos, unlisted_files, dead_links, folder_readmes,
]  # fmt: skip


def measure(tree: Tree) -> tuple[list[Row], list[Violation]]:
    """All rows, and the violations that no exception covers."""
    exceptions = load_exceptions(tree)
    rows: list[Row] = []
    for one in MEASURES:
        result = one(tree)
        rows += result if isinstance(result, list) else [result]
    remaining = [v for row in rows for v in row.violations if not exceptions.allow(v)]
    excepted = sum(len(row.violations) for row in rows) - len(remaining)
    rows.append(Row("exceptions from all of this, each with its reason", str(excepted), "-"))
    return rows, remaining + exceptions.unused()


def as_table(rows: list[Row]) -> str:
    lines = ["| measure | now | target |", "|---|---|---|"]
    return "\n".join(lines + [f"| {row.measure} | {row.value} | {row.target} |" for row in rows])


def with_table(readme: str, table: str) -> str:
    """The README with the table between its markers."""
    begin, end = README_MARKERS
    before, found_begin, rest = readme.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"README.md lacks the markers {begin} and {end}")
    return f"{before}{begin}\n{table}\n{end}{after}"


# Watched and shown; they fail the check with --strict only. All other rules always do.
WATCHED = ("class-comment", "bool-parameter", "shared-ptr", "test-ratio", "unlisted", "readme", "exceptions", "docstring", "units")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--update-readme", action="store_true", help="write the table into README.md")
    parser.add_argument("--strict", action="store_true", help="fail for every broken rule, not only for those of GATES")
    options = parser.parse_args(arguments)

    tree = Tree(options.root)
    rows, violations = measure(tree)
    table = as_table(rows)
    print(table)
    for violation in violations:
        print(violation)
    if options.update_readme:
        readme = options.root / "README.md"
        readme.write_text(with_table(readme.read_text(), table))
    gating = violations if options.strict else [v for v in violations if v.rule not in WATCHED]
    print(f"{len(violations)} broken rules, {len(gating)} of them fail this check")
    return 1 if gating else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
