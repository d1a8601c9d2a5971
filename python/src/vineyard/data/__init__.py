# SPDX-License-Identifier: Apache-2.0
"""The built-in types: how Python, NumPy, Arrow, pandas and polars values become objects, and back."""
