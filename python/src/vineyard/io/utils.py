# SPDX-License-Identifier: Apache-2.0
"""What programs that read and write streams print for who started them: lines of JSON, `type` and `content`."""

from __future__ import annotations

import json
import os
import traceback


def _report(kind, content):
    print(json.dumps({"type": kind, "content": content}), flush=True)


def report_success(content):
    """Prints that the program has done its work; `content` is its result."""
    _report("return", content)


def report_error(content):
    """Prints that the program has failed, and why."""
    _report("error", content)


def report_exception():
    """Prints the exception that is being handled as the reason of a failure."""
    report_error(traceback.format_exc())


def expand_full_path(path):
    """The absolute path, with `~` and environment variables expanded."""
    return os.path.abspath(os.path.expanduser(os.path.expandvars(path)))
