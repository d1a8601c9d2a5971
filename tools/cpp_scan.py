# SPDX-License-Identifier: Apache-2.0
"""Just enough of C++ to measure it: comments and strings blanked out, functions, classes, parameter lists.

No compiler is asked, so the answers come in milliseconds and for code that does not build yet. What it cannot tell apart (macros that
open a brace, braces behind `#if`) our style does not use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"""
    (?P<raw>(?:\b(?:u8|[uUL])?R)"(?P<delimiter>[^()\\\s]{0,16})\((?:.|\n)*?\)(?P=delimiter)")
  | (?P<line>//(?:[^\n\\]|\\\n|\\.)*)
  | (?P<block>/\*(?:.|\n)*?\*/)
  | (?P<string>"(?:[^"\\\n]|\\(?:.|\n))*")
  | (?P<separator>(?<=[0-9a-fA-F])'(?=[0-9a-fA-F]))
  | (?P<character>'(?:[^'\\\n]|\\.)+')
    """,
    re.VERBOSE,
)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", re.MULTILINE)
NOISE = re.compile(r"\[\[.*?\]\]|\balignas\s*\([^()]*\)|\bVY_[A-Z_]+\s*\([^()]*\)|__attribute__\s*\(\(.*?\)\)", re.DOTALL)
ACCESS_LABEL = re.compile(r"\b(?:public|private|protected)\s*$")


def _blanked(text: str) -> str:
    return "".join(c if c == "\n" else " " for c in text)


def blank_comments_and_strings(text: str) -> str:
    """The same text, of the same length, with spaces for comments and for what is between quotes."""

    def replace(match: re.Match) -> str:
        found = match.group(0)
        if match.lastgroup == "separator":
            return found
        if match["line"] or match["block"]:
            return _blanked(found)
        return found[0] + _blanked(found[1:-1]) + found[-1]

    return TOKEN.sub(replace, text)


def blank_directives(text: str) -> str:
    """Spaces for preprocessor lines; expects comments blanked already."""
    return DIRECTIVE.sub(lambda match: _blanked(match.group(0)), text)


@dataclass(frozen=True)
class Function:
    """A function with a body; lines count from its signature to its closing brace."""

    name: str
    line: int
    lines: int


@dataclass(frozen=True)
class Class:
    """A class or struct with a body, outside any other class."""

    name: str
    keyword: str
    line: int


@dataclass(frozen=True)
class Scan:
    functions: list[Function]
    classes: list[Class]


def _matching_brace(code: str, start: int) -> int:
    """The place of the brace that closes the one at `start`, or the end of the code."""
    depth = 0
    for match in re.compile(r"[{}]").finditer(code, start):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    return len(code) - 1


def _outside_parentheses(header: str) -> str:
    """The header without what stands in parentheses (which become `()`)."""
    kept, depth = [], 0
    for c in header:
        if c == ")":
            depth -= 1
        if depth == 0 or (c == "(" and depth == 0):
            kept.append(c)
        if c == "(":
            depth += 1
    return "".join(kept)


def _without_template_head(header: str) -> str:
    """The header behind `template <...>` and its requires clause on the same head."""
    while (match := re.match(r"\s*template\s*<", header)) is not None:
        depth, i = 1, match.end()
        while i < len(header) and depth:
            depth += {"<": 1, ">": -1}.get(header[i], 0)
            i += 1
        header = header[i:]
    return header


def _kind_of(header: str) -> str:
    """What the brace behind this header opens: namespace, class, enum, function or initializer."""
    plain = _without_template_head(NOISE.sub(" ", header)).strip()
    if re.search(r"\bnamespace\b", plain) or re.match(r'extern\s*"', plain):
        return "namespace"
    if re.match(r"(?:typedef\s+)?enum\b", plain):
        return "enum"
    if re.match(r"(?:typedef\s+)?(?:class|struct|union)\b", plain) and "(" not in plain:
        return "class"
    if "(" not in plain:
        return "initializer"
    outside = _outside_parentheses(plain)
    if re.search(r"(?<![=!<>+\-*/%&|^])=(?!=)", re.sub(r"\boperator\s*[^\s\w(]+", "operator", outside)):
        return "initializer"
    behind_parameters = outside.partition(")")[2]
    in_member_list = re.search(r"(?<!:):(?!:)", behind_parameters) is not None
    if in_member_list and re.search(r"[\w>]\s*$", plain):
        return "initializer"
    return "function"


def _name_of(header: str, kind: str) -> str:
    plain = _without_template_head(NOISE.sub(" ", header)).strip()
    if kind == "class":
        match = re.match(r"(?:typedef\s+)?(?:class|struct|union)\s+([\w:]+(?:\s*<[^{]*>)?)", plain)
    else:
        match = re.search(r"([\w:~]+(?:\s*<[^()]*>)?|operator\s*(?:\(\)|[^\s\w(]+|\w[\w ]*))\s*\(", plain)
    return re.sub(r"\s+", "", match.group(1)) if match else "?"


def scan(text: str) -> Scan:
    """Functions and classes of one C++ file."""
    code = blank_directives(blank_comments_and_strings(text))
    functions: list[Function] = []
    classes: list[Class] = []
    scopes: list[str] = []  # the open namespaces and classes
    header_start, parentheses, i = 0, 0, 0
    stops = re.compile(r"[(){};:]")
    while (match := stops.search(code, i)) is not None:
        at, c = match.start(), match.group()
        i = at + 1
        if c == "(":
            parentheses += 1
        elif c == ")":
            parentheses = max(0, parentheses - 1)
        elif c == ";" and parentheses == 0:
            header_start = i
        elif c == ":" and parentheses == 0 and ACCESS_LABEL.search(code, header_start, at):
            header_start = i
        elif c == "{":
            header = code[header_start:at]
            kind = _kind_of(header) if parentheses == 0 else "initializer"
            line = code.count("\n", 0, header_start + len(header) - len(header.lstrip())) + 1
            if kind in ("namespace", "class"):
                if kind == "class" and "class" not in scopes:
                    keyword = re.search(r"\b(class|struct|union)\b", header).group(1)
                    classes.append(Class(_name_of(header, kind), keyword, line))
                scopes.append(kind)
                header_start = i
                continue
            end = _matching_brace(code, at)
            i = end + 1
            if kind == "function":
                functions.append(Function(_name_of(header, kind), line, code.count("\n", 0, end) + 2 - line))
                header_start = i
        elif c == "}":
            if scopes:
                scopes.pop()
            header_start = i
    return Scan(functions, classes)


def comment_above(lines: list[str], line: int) -> str:
    """The comment that ends right above `line` (counted from 1), without its slashes."""
    block = []
    at = line - 2
    while at >= 0 and lines[at].lstrip().startswith("//"):
        block.append(lines[at].lstrip().lstrip("/").strip())
        at -= 1
    return "\n".join(reversed(block))


BOOL_PARAMETER = re.compile(r"[(,]\s*(?:const\s+)?bool\b(?!\s*[>&*])[^,()]*[,)]")


def _in_template_arguments(code: str, at: int) -> bool:
    """Whether the innermost open bracket before `at` is an angle one."""
    closed = {"(": 0, "<": 0}
    for c in reversed(code[max(0, at - 2000) : at]):
        if c in ";{}":
            return False
        if c in ")>":
            closed["(" if c == ")" else "<"] += 1
        elif c in "(<":
            if closed[c] == 0:
                return c == "<"
            closed[c] -= 1
    return False


def bool_parameters(text: str) -> list[int]:
    """The lines on which a function declares a boolean parameter (references and pointers are results, not flags)."""
    code = blank_directives(blank_comments_and_strings(text))
    found = []
    for match in BOOL_PARAMETER.finditer(code):
        opening = code[: match.start()].rstrip()
        if re.search(r"\b(?:if|while|for|switch|return|sizeof|decltype)$", opening):
            continue
        if code[match.start()] == "(" or not _in_template_arguments(code, match.start()):
            found.append(code.count("\n", 0, match.start() + len(match.group()) - len(match.group()[1:].lstrip())) + 1)
    return found
