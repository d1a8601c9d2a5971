# SPDX-License-Identifier: Apache-2.0
"""Sphinx settings: Markdown through MyST; `make docs`."""

project = "Vineyard"
author = "the Vineyard authors"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "Vineyard"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
# Links that leave docs/ (source files, the top README) are for readers of the repository; tools/scorecard.py checks them.
suppress_warnings = ["myst.xref_missing", "toc.not_included"]
