# SPDX-License-Identifier: Apache-2.0
"""`python -m vineyard.ctl`: what `vineyardctl` does for Kubernetes; not there yet."""

from __future__ import annotations

import sys

from .errors import tell_not_yet


def main():
    """Says so, and what there is instead."""
    return tell_not_yet("vineyardctl", "`vineyard --help` shows the commands for the daemon of this host")


if __name__ == "__main__":
    sys.exit(main())
