# SPDX-License-Identifier: Apache-2.0
"""Sphinx settings: Markdown through MyST, the Python reference from docstrings of the package in .venv; `make docs`."""

import re
import sys
from pathlib import Path

sys.path += map(str, (Path(__file__).resolve().parent.parent / ".venv/lib").glob("python3*/site-packages"))

project = "Vineyard"
author = "the Vineyard authors"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = "Vineyard"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
autodoc_typehints = "none"
autodoc_member_order = "bysource"
# Links that leave docs/ (source files, the top README) are for readers of the repository; tools/scorecard.py checks them.
suppress_warnings = ["myst.xref_missing", "toc.not_included"]


_CODE_OR_MARKUP = re.compile(r"`+([^`]+)`+|([*|\\]|_(?=\W|$))")


def _as_text(app, what, name, obj, options, lines):
    """Our docstrings are plain text with `code`: nothing else in them is markup."""
    for i, line in enumerate(lines):
        lines[i] = _CODE_OR_MARKUP.sub(lambda m: f"``{m[1]}``" if m[1] else "\\" + m[2], line)


def setup(app):
    """What Sphinx calls."""
    app.connect("autodoc-process-docstring", _as_text)
