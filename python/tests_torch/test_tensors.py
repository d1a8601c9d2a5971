# SPDX-License-Identifier: Apache-2.0
"""Tensors and state dicts come back equal, over the shared bytes."""

import collections
import warnings

import numpy as np
import pytest
import torch

NUMBERS = [
    getattr(torch, n)
    for n in "uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()
]


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def same(a, b):
    """Equal in type, dtype, shape and every bit that counts."""
    assert type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and a.requires_grad == b.requires_grad
    return torch.equal(a, b)


def round_trip(client, value):
    return client.get(client.put(value))


@pytest.mark.parametrize("dtype", [*NUMBERS, torch.bool, torch.uint16, torch.uint32, torch.uint64], ids=str)
def test_dtypes(client, dtype):
    tensor = torch.arange(24).reshape(2, 3, 4).to(dtype)
    found = round_trip(client, tensor)
    assert same(found, tensor)
    assert client.get_meta(client.put(tensor)).typename.startswith("vineyard::Tensor<")


@pytest.mark.parametrize(
    "name", [n for n in ("float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "complex32") if hasattr(torch, n)]
)
def test_dtypes_that_numpy_lacks(client, name):
    dtype = getattr(torch, name)
    tensor = torch.arange(8, dtype=torch.uint8).view(dtype)
    found = round_trip(client, tensor)
    assert found.dtype == dtype and found.shape == tensor.shape
    assert torch.equal(found.view(torch.uint8), tensor.view(torch.uint8))


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
@pytest.mark.parametrize(
    "layout",
    [
        lambda t: t.t(), lambda t: t[::2, 1::3], lambda t: t[1:1], lambda t: t[2, 3], lambda t: t.expand(3, *t.shape),
        lambda t: t.reshape(2, 3, 2, 4).contiguous(memory_format=torch.channels_last), lambda t: t.permute(1, 0)[1:],
    ],
)  # fmt: skip
def test_layouts(client, dtype, layout):
    tensor = layout(torch.arange(48).reshape(6, 8).to(dtype))
    assert same(round_trip(client, tensor), tensor)


def test_conjugated_and_negated_views(client):
    tensor = torch.tensor([1 + 2j, 3 - 4j])
    for view in (tensor.conj(), tensor.conj().imag, tensor.real):
        assert same(round_trip(client, view), view)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_tensor_lies_over_the_shared_bytes(client, dtype):
    object_id = client.put(torch.ones(1 << 20, dtype=dtype))
    one, other = client.get(object_id), client.get(object_id)
    assert one.data_ptr() == other.data_ptr() == client.get_object(object_id).member("buffer_").address


def test_a_tensor_outlives_its_object_and_client(client):
    object_id = client.put(torch.arange(100_000))
    found = client.get(object_id)
    client.delete(object_id)
    for n in range(30):
        client.delete(client.put(torch.full((100_000,), -n)))
    assert torch.equal(found, torch.arange(100_000))


def test_gradients_and_parameters(client):
    leaf = torch.ones(3, requires_grad=True)
    parameter = torch.nn.Parameter(torch.zeros(2, 2))
    frozen = torch.nn.Parameter(torch.zeros(2), requires_grad=False)
    for tensor in (leaf, parameter, frozen):
        assert same(round_trip(client, tensor), tensor)
    assert same(round_trip(client, leaf * 2), (leaf * 2).detach().requires_grad_())


def test_a_state_dict(client):
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 2)).to(
        torch.bfloat16
    )
    state = model.state_dict()
    object_id = client.put(state)
    found = client.get(object_id)
    assert type(found) is collections.OrderedDict and list(found) == list(state) and found._metadata == state._metadata
    assert all(same(found[k], state[k]) for k in state)
    assert client.get_meta(object_id).typename == "vineyard::OrderedDict"
    other = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 2)).to(
        torch.bfloat16
    )
    other.load_state_dict(found)
    assert all(torch.equal(other.state_dict()[k], state[k]) for k in state)


def test_nested_dicts(client):
    model = torch.nn.Linear(3, 3)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    value = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": 7,
        "seen": [torch.ones(2), np.ones(2)],
    }
    found = round_trip(client, value)
    assert list(found) == list(value) and found["step"] == 7
    assert found["optimizer"]["param_groups"] == value["optimizer"]["param_groups"]
    for n, state in value["optimizer"]["state"].items():
        assert all(same(found["optimizer"]["state"][n][k], state[k]) for k in state)
    assert type(found["seen"][0]) is torch.Tensor and type(found["seen"][1]) is np.ndarray


def test_other_tensors_are_pickled(client):
    marked = torch.ones(2)
    marked.note = "kept"
    sparse = torch.eye(3).to_sparse()
    found = round_trip(client, sparse)
    assert found.layout is torch.sparse_coo and torch.equal(found.to_dense(), torch.eye(3))
    assert round_trip(client, marked).note == "kept"
    assert round_trip(client, torch.ones(2, device="meta")).device.type == "meta"


def test_arrays_of_tensors(client):
    """The protocols of an Object of a tensor give arrays."""
    obj = client.get_object(client.put(torch.arange(6.0).reshape(2, 3)))
    assert np.array_equal(np.asarray(obj), np.arange(6.0).reshape(2, 3))
    assert memoryview(obj).shape == (2, 3)
    assert torch.equal(torch.from_dlpack(obj), torch.arange(6.0).reshape(2, 3))
    assert client.get(obj.id, as_array=True).dtype == np.float32


def test_without_torch(client, run_python):
    """A process that has no PyTorch gets arrays, and one that has does not import it for arrays."""
    number, half = client.put(torch.arange(3.0)), client.put(torch.ones(2, dtype=torch.bfloat16))
    array = client.put(np.arange(3))
    assert (
        run_python(f"client.get({int(array)}); client.put(client.get({int(array)})); print('torch' in sys.modules)")
        == "False"
    )
    code = f"""
sys.modules["torch"] = None
import numpy as np
print(type(client.get({int(number)})).__name__, client.get({int(number)}).tolist())
sys.modules["ml_dtypes"] = None
try:
    client.get({int(half)})
except TypeError as e:
    print("bfloat16" in str(e) and "install" in str(e))
"""
    assert run_python(code) == "ndarray [0.0, 1.0, 2.0]\nTrue"


def test_writing_ends_the_process(client, run_python):
    """Nothing else protects the bytes: PyTorch has no read-only tensors."""
    object_id = client.put(torch.zeros(1000))
    code = f"""
import os, signal
pid = os.fork()
if pid == 0:
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    client.get({int(object_id)}).add_(1)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGSEGV)
"""
    assert run_python(code) == "True"
    assert torch.equal(client.get(object_id), torch.zeros(1000))
