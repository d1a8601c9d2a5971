# SPDX-License-Identifier: Apache-2.0
"""A module that programs import beside the registries; what it had of use to them is in `vineyard.data.utils`."""

from __future__ import annotations

from ..data.utils import from_json, str_to_bool, to_json

__all__ = ["from_json", "str_to_bool", "to_json"]
