# SPDX-License-Identifier: Apache-2.0
"""`python -m vineyard [flags]`: becomes `vineyardd`. Its flags, and those of 0.24."""

import os
import sys


def main():
    """Runs the daemon in place of this process."""
    from ._flags import translated
    from .deploy.local import find_vineyardd
    from .errors import NotImplementedException

    try:
        arguments, notes = translated(sys.argv[1:])
    except (NotImplementedException, ValueError) as e:
        print(f"vineyard: {e}", file=sys.stderr)
        return 2
    for note in notes:
        print(f"vineyard: {note}", file=sys.stderr, flush=True)
    os.execv(find_vineyardd(), ["vineyardd", *arguments])


if __name__ == "__main__":
    sys.exit(main())
