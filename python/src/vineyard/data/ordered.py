# SPDX-License-Identifier: Apache-2.0
"""collections.OrderedDict as `vineyard::OrderedDict`: the fields of a Dict, and as `attributes_` what hangs on it."""

from __future__ import annotations

from collections import OrderedDict

from .builtin import register
from .plain import pack
from .python import _MANY, read_items, write_items


def _encode(writer, node, value, scope):
    if type(value) is not OrderedDict:
        return NotImplemented
    keys = pack(list(value))
    if keys is None or len(value) > _MANY:
        return NotImplemented
    writer.set_type(node, "vineyard::OrderedDict")
    write_items(writer, node, keys, value, scope)
    if vars(value):
        scope.member(writer, node, "attributes_", vars(value))
    return None


def resolve(obj, context, options):
    """An OrderedDict with its attributes (a state dict has `_metadata`)."""
    value = OrderedDict(read_items(obj, context, options))
    attributes = obj._find_member("attributes_")
    if attributes is not None:
        vars(value).update(context.run(attributes, **options))
    return value


register(OrderedDict, _encode)
