# SPDX-License-Identifier: Apache-2.0
"""Not there yet."""

from __future__ import annotations

from ..errors import not_yet


def start_vineyardd(*args, **kw):
    """Not there yet."""
    raise not_yet("vineyard.deploy.distributed")
