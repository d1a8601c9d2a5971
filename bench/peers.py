#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What people use instead, beside ours: PyPI's vineyard 0.24.2, Ray, shared_memory, files on tmpfs.

Usage: peers.py [--short] [--row P1] [--json FILE]

Each peer has its own processes, and a venv of its own under build/peers where it needs one. Rounds alternate between all.
A peer that cannot be installed or started is reported, and the rest goes on.
"""

import argparse
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "python"), str(HERE / "compare")]

import peer_rows  # noqa: E402
import systems  # noqa: E402
from harness import Failure, Table, machine  # noqa: E402


def main():
    """Measures, prints, writes; 1 when a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="fewer objects and rounds")
    parser.add_argument("--row", choices=peer_rows.ROWS, help="only this one")
    parser.add_argument("--json", metavar="FILE", help="also writes one JSON object a line")
    options = parser.parse_args()
    print(machine())
    with ExitStack() as stack:
        ours, peers = systems.start_all(stack)
        table = Table(limit="theirs")
        table.head()
        rows = peer_rows.PeerRows(table, ours, peers, options.short)
        for name in [options.row] if options.row else peer_rows.ROWS:
            peer_rows.ROWS[name](rows)
    if options.json:
        table.write(options.json)
    print(f"{table.missed()} missed")
    return 1 if table.missed() else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # by way of every `with`, so nothing is left running
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"peers.py: {failure}")
