#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the list of messages in PROTOCOL.md from message_table.def.

Usage: gen_protocol_doc.py [--check] [--root DIR]

Replaces what stands between the markers. `--check` writes nothing and ends with status 1 when the document is not up to date.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

TABLE = "src/vineyard/protocol/message_table.def"
DOCUMENT = "src/vineyard/protocol/PROTOCOL.md"
BEGIN = "<!-- messages: begin (tools/gen_protocol_doc.py) -->"
END = "<!-- messages: end -->"
FIELD = re.compile(r"\s*VY_FIELD\(\s*(\w+)\s*,\s*(\w+)\s*\)")
TYPES = {"U32", "U64", "Text", "Ids", "Texts"}


class TableError(Exception):
    """The table is not what this program can read; the text says where."""


@dataclass(frozen=True)
class Message:
    opcode: int
    name: str
    direction: str
    text: str
    request: tuple[tuple[str, str], ...]
    reply: tuple[tuple[str, str], ...]


def arguments(body: str) -> list[str]:
    """Splits the arguments of a macro call at its commas, not at those in parentheses or strings."""
    found, depth, quoted, start = [], 0, False, 0
    for at, char in enumerate(body):
        if char == '"' and body[at - 1] != "\\":
            quoted = not quoted
        elif quoted:
            continue
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "," and depth == 0:
            found.append(body[start:at])
            start = at + 1
    return [*(part.strip() for part in found), body[start:].strip()]


def calls(text: str) -> list[str]:
    """What stands between the parentheses of each VY_MESSAGE call."""
    found = []
    for match in re.finditer(r"^VY_MESSAGE\(", text, re.MULTILINE):
        depth, quoted = 1, False
        for at in range(match.end(), len(text)):
            char = text[at]
            if char == '"' and text[at - 1] != "\\":
                quoted = not quoted
            elif not quoted and char in "()":
                depth += 1 if char == "(" else -1
                if depth == 0:
                    found.append(text[match.end() : at])
                    break
        else:
            raise TableError(f"a message has no end: {text[match.start() : match.start() + 40]}")
    return found


def fields(text: str, name: str) -> tuple[tuple[str, str], ...]:
    found, at = [], 0
    while text[at:].strip():
        match = FIELD.match(text, at)
        if match is None or match[1] not in TYPES:
            raise TableError(f"{name}: not a field: {text[at:].strip()}")
        found.append((match[1], match[2]))
        at = match.end()
    return tuple(found)


def parse(text: str) -> list[Message]:
    messages = []
    for call in calls(text):
        parts = arguments(call)
        if len(parts) != 6 or parts[2] not in ("kCall", "kOneWay"):
            raise TableError(f"not a message: {call.strip()[:60]}")
        strings = re.findall(r'"((?:[^"\\]|\\.)*)"', parts[3])
        name = parts[1]
        messages.append(
            Message(int(parts[0]), name, parts[2], "".join(strings), fields(parts[4], name), fields(parts[5], name))
        )
    if not messages:
        raise TableError("the table is empty")
    return messages


def describe(members: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"`{name}` {kind}" for kind, name in members) or "-"


def render(messages: list[Message]) -> str:
    lines = ["| opcode | message | request | reply |", "|---|---|---|---|"]
    for message in messages:
        reply = describe(message.reply) if message.direction == "kCall" else "none (one-way)"
        lines.append(f"| {message.opcode} | {message.name} | {describe(message.request)} | {reply} |")
    lines.append("")
    for message in messages:
        lines.append(f"- **{message.name}** ({message.opcode}): {message.text}")
    return "\n".join(lines)


def replaced(document: str, table: str) -> str:
    if document.count(BEGIN) != 1 or document.count(END) != 1:
        raise TableError(f"{DOCUMENT} needs the markers once each: {BEGIN} and {END}")
    before, rest = document.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether the document is up to date")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1], help="top of the source tree")
    options = parser.parse_args()
    document = options.root / DOCUMENT
    try:
        old = document.read_text(encoding="utf-8")
        new = replaced(old, render(parse((options.root / TABLE).read_text(encoding="utf-8"))))
    except (TableError, OSError) as error:
        print(f"gen_protocol_doc: {error}", file=sys.stderr)
        return 1
    if old == new:
        return 0
    if options.check:
        print(f"{DOCUMENT} is not what {TABLE} says: run tools/gen_protocol_doc.py", file=sys.stderr)
        return 1
    document.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
