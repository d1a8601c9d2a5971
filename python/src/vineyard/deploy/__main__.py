# SPDX-License-Identifier: Apache-2.0
"""`python -m vineyard.deploy`: becomes `vineyardd`."""

import sys

from ..__main__ import main

if __name__ == "__main__":
    sys.exit(main())
