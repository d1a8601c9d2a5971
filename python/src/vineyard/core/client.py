# SPDX-License-Identifier: Apache-2.0
"""The client under the name that programs import from here."""

from ..client import Client

__all__ = ["Client"]
