# SPDX-License-Identifier: Apache-2.0
"""PyTorch tensors of the host's memory, as `vineyard::Tensor<T>` whose field `value_type_kind_` is "torch".

What comes back is a tensor over the shared bytes. PyTorch knows no read-only tensors: an operation that writes into one
of these ends the process (SIGSEGV), so who wants to write clones it first. dtypes that NumPy lacks (bfloat16, float8,
complex32) are kept as the bits of an integer. Tensors of other devices and layouts, quantized ones, subclasses and
those with attributes of their own are pickled.
"""

from __future__ import annotations

import torch

from .builtin import register

_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_IN_NUMPY = frozenset(
    getattr(torch, name)
    for name in (
        "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64 complex64 complex128".split()
    )
    if hasattr(torch, name)
)


def bits_of(tensor):
    """A NumPy array over the bytes of a tensor; None if it has no such bytes."""
    if type(tensor) is not torch.Tensor and type(tensor) is not torch.nn.Parameter:
        return None
    if tensor.device.type != "cpu" or tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_nested:
        return None
    try:
        plain = tensor.detach().resolve_conj().resolve_neg()
        if plain.dtype not in _IN_NUMPY:
            plain = plain.view(_BITS[plain.element_size()])
        return plain.numpy()
    except (RuntimeError, KeyError, TypeError):  # a dtype without bytes of its own, a tensor of a transformation
        return None


def _encode(writer, node, value, scope):
    from .tensor import encode_array

    array = None if value.__dict__ else bits_of(value)
    if array is None:
        return NotImplemented
    encode_array(writer, node, array, scope, torch_name=str(value.dtype).removeprefix("torch."))
    if value.requires_grad:
        writer.set(node, "requires_grad_", True)
    if type(value) is torch.nn.Parameter:
        writer.set(node, "class_", "Parameter")
    return None


class _Writable:
    """Says that an array's bytes may be written: PyTorch warns of any that may not, and cannot keep to it anyway."""

    def __init__(self, array):
        self._array = array
        self.__array_interface__ = {**array.__array_interface__, "data": (array.__array_interface__["data"][0], False)}


def tensor_over(array):
    """A tensor over the bytes of an array, which may be read-only."""
    if array.flags.writeable or not array.nbytes:
        return torch.from_numpy(array if array.flags.writeable else array.copy())
    import numpy as np

    return torch.from_numpy(np.asarray(_Writable(array)))


def resolve(obj, array):
    """The tensor that an object is, over an array of its bits."""
    name, requires_grad, kind = obj._fields("value_type_", "requires_grad_", "class_")
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype):
        raise TypeError(f"{obj!r} is of torch.{name}, which this PyTorch ({torch.__version__}) lacks: use a newer one")
    tensor = tensor_over(array)
    if tensor.dtype != dtype:
        tensor = tensor.view(dtype)
    if kind == "Parameter":
        return torch.nn.Parameter(tensor, requires_grad=bool(requires_grad))
    return tensor.requires_grad_() if requires_grad else tensor


register(torch.Tensor, _encode)
register(torch.nn.Parameter, _encode)
