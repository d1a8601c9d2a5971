# SPDX-License-Identifier: Apache-2.0
"""`python -m vineyard.systemd`: installs a systemd unit for the daemon; not there yet."""

from __future__ import annotations

import sys

from .errors import tell_not_yet


def main():
    """Says so, and what there is instead."""
    return tell_not_yet("vineyard.systemd", "a unit with ExecStart=vineyardd is enough, the daemon stays in the foreground and ends at SIGTERM")


if __name__ == "__main__":
    sys.exit(main())
