# SPDX-License-Identifier: Apache-2.0
"""`python -m vineyard [flags]`: becomes `vineyardd`."""

import os
import sys


def main():
    """Runs the daemon in place of this process."""
    from .deploy.local import find_vineyardd

    program = find_vineyardd()
    os.execv(program, ["vineyardd", *sys.argv[1:]])


if __name__ == "__main__":
    main()
