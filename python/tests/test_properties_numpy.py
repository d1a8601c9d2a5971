# SPDX-License-Identifier: Apache-2.0
"""Any NumPy array and any sparse matrix comes back as it went in; arrays of fixed-width elements as read-only views."""

import numpy as np
import pytest
import scipy.sparse
from buffers import places
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from properties import back, examples

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
UNITS = st.sampled_from(["Y", "M", "D", "h", "s", "ms", "us", "ns"])
TIMES = st.builds(
    lambda kind, unit, order: np.dtype(f"{order}{kind}8[{unit}]"), st.sampled_from("Mm"), UNITS, st.sampled_from("<>")
)
SCALARS = hnp.scalar_dtypes() | TIMES
FIXED = SCALARS | hnp.nested_dtypes(subtype_strategy=SCALARS, max_leaves=6, max_itemsize=400)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | st.binary(max_size=9)


@st.composite
def laid_out(draw, arrays):
    """An array in some memory layout: C, Fortran, transposed, with steps, reversed, or broadcast."""
    array = draw(arrays)
    for step in draw(st.lists(st.sampled_from(["F", "T", "step", "reverse", "broadcast", "part"]), max_size=2)):
        if step == "F":
            array = np.asfortranarray(array)
        elif step == "T":
            array = array.T
        elif step == "broadcast":
            array = np.broadcast_to(array, (2, *array.shape))
        elif array.ndim:
            array = array[
                {"step": slice(None, None, 2), "reverse": slice(None, None, -1), "part": slice(1, None)}[step]
            ]
    return array


@st.composite
def fixed_width(draw):
    """An array of any dtype of fixed width, sub-arrays and structures included, over random bytes."""
    dtype, shape = draw(FIXED), draw(SHAPES)
    if dtype.base.hasobject:
        dtype = np.dtype("f8")
    template = np.empty(shape, dtype)
    array = np.zeros(template.shape, template.dtype)
    if array.size and draw(st.booleans()):
        if array.dtype.kind not in "USVb" and array.dtype.names is None:
            array = draw(hnp.arrays(array.dtype, array.shape))
        elif array.dtype.kind in "US":
            array = draw(hnp.arrays(array.dtype, array.shape, elements=hnp.from_dtype(array.dtype)))
        else:
            array = np.roll(np.ones(array.shape, array.dtype), 1)
    return array


def assert_equal(found, array):
    """Type, dtype, shape and bytes are the same; NaN with any payload."""
    assert type(found) is type(array)
    assert found.dtype == array.dtype
    assert found.dtype.names == array.dtype.names
    assert found.dtype.isalignedstruct == array.dtype.isalignedstruct
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()


@examples(150)
@given(laid_out(fixed_width()))
def test_an_array_of_fixed_width_is_a_view(client, array):
    found = back(client, array)
    assert_equal(found, array)
    assert not found.flags.writeable
    if array.nbytes:
        assert places(found) == ["r--s"]
        assert client.is_shared_memory(found)
    assert found.flags.c_contiguous == (array.flags.c_contiguous or not array.flags.f_contiguous)
    assert found.flags.f_contiguous or not array.flags.f_contiguous


@examples(60)
@given(laid_out(hnp.arrays(object, SHAPES, elements=PLAIN, fill=st.nothing())))
def test_an_array_of_objects_comes_back(client, array):
    found = back(client, array)
    assert found.dtype == object
    assert found.shape == array.shape
    assert found.tolist() == array.tolist()
    assert list(map(type, found.ravel())) == list(map(type, array.ravel()))


@examples(40)
@given(laid_out(hnp.arrays(object, SHAPES, elements=TEXT | st.none(), fill=st.nothing())))
def test_an_array_of_text_objects_comes_back(client, array):
    found = back(client, array)
    assert found.dtype == object
    assert found.shape == array.shape
    assert found.tolist() == array.tolist()


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="this NumPy has no StringDType")
@examples(40)
@given(
    laid_out(hnp.arrays(object, SHAPES, elements=TEXT, fill=st.nothing())),
    st.sampled_from([{}, {"na_object": None}, {"coerce": False}]),
)
def test_an_array_of_strings_comes_back(client, array, options):
    array = array.astype(np.dtypes.StringDType(**options))
    found = back(client, array)
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.tolist() == array.tolist()


MASKABLE = (
    hnp.integer_dtypes()
    | hnp.floating_dtypes()
    | hnp.complex_number_dtypes()
    | hnp.boolean_dtypes()
    | TIMES
    | hnp.byte_string_dtypes()
)


@examples(60)
@given(st.data(), SHAPES)
def test_a_masked_array_comes_back(client, data, shape):
    values = data.draw(hnp.arrays(data.draw(MASKABLE), shape))
    mask = data.draw(st.just(np.ma.nomask) | hnp.arrays(bool, shape))
    array = np.ma.MaskedArray(values, mask, hard_mask=data.draw(st.booleans()))
    if data.draw(st.booleans()):
        array = array.T
    found = back(client, array)
    assert_equal(found.data, array.data)
    assert type(found) is np.ma.MaskedArray
    assert (found.mask is np.ma.nomask) == (array.mask is np.ma.nomask)
    np.testing.assert_array_equal(found.mask, array.mask)
    assert found.fill_value.tobytes() == array.fill_value.tobytes()
    assert found.hardmask == array.hardmask


@examples(60)
@given(hnp.from_dtype(np.dtype("f8")) | st.data())
def test_a_numpy_scalar_keeps_type_and_bytes(client, value):
    if not isinstance(value, float):
        value = value.draw(hnp.arrays(value.draw(SCALARS), ()))[()]
    found = back(client, value)
    assert type(found) is type(value)
    assert np.asarray(found).dtype == np.asarray(value).dtype
    assert np.asarray(found).tobytes() == np.asarray(value).tobytes()


FORMATS = ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"]
NUMBERS = st.sampled_from(["i1", "i8", "u4", "f4", "f8", "c16"])


@pytest.mark.parametrize("kind", ["matrix", "array"])
@pytest.mark.parametrize("name", FORMATS)
@examples(8)
@given(
    dense=NUMBERS.flatmap(
        lambda dtype: hnp.arrays(
            dtype, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.integers(0, 3)
        )
    )
)
def test_a_sparse_matrix_comes_back(client, name, kind, dense):
    value = getattr(scipy.sparse, f"{name}_{kind}")(dense)
    found = back(client, value)
    assert type(found) is type(value)
    assert found.dtype == value.dtype
    assert found.shape == value.shape
    assert found.nnz == value.nnz
    np.testing.assert_array_equal(found.toarray(), dense)
    if name == "bsr":
        assert found.blocksize == value.blocksize
    if name not in ("dok", "lil"):
        typename = client.get_meta(client.put(value)).typename
        assert typename == f"vineyard::{name.upper()}Matrix<{value.dtype.name}>"
        for part in ("data", "indices", "indptr", "row", "col", "offsets"):
            if hasattr(value, part):
                assert getattr(found, part).dtype == getattr(value, part).dtype
                np.testing.assert_array_equal(getattr(found, part), getattr(value, part))
        assert found.dot(np.ones(dense.shape[1])).tolist() == value.dot(np.ones(dense.shape[1])).tolist()
    if name in ("csr", "csc", "bsr", "coo", "dia") and value.nnz:
        assert set(places(found)) == {"r--s"}
        assert not found.data.flags.writeable


@examples(10)
@given(hnp.arrays("f8", st.integers(1, 20), elements=st.integers(0, 2)))
def test_a_sparse_array_of_one_dimension_comes_back(client, dense):
    value = scipy.sparse.coo_array(dense)
    found = back(client, value)
    assert type(found) is scipy.sparse.coo_array
    assert found.shape == value.shape
    np.testing.assert_array_equal(found.toarray(), dense)
