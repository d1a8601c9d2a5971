# SPDX-License-Identifier: Apache-2.0
"""`python -m vineyard.core.codegen`: makes C++ and Java types of annotated classes; not there yet."""

from __future__ import annotations

import sys

from ..errors import tell_not_yet


def main():
    """Says so, and what there is instead."""
    return tell_not_yet("vineyard.core.codegen", "register a builder and a resolver for the type")


if __name__ == "__main__":
    sys.exit(main())
