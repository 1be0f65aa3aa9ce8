"""What the array-API standard asks for beyond NumPy's names, eager and compiled."""

from __future__ import annotations

import array

import numpy as np
import pytest

import hybrid as hy

X = hy.asarray([[3.0, 1.0, 2.0], [1.0, 2.0, 2.0]])


def both(f, *args):
    """What f gives eagerly, after a compiled call has given the same."""
    want, got = f(*args), hy.function(f, strict=True)(*args)
    pairs = zip(want, got, strict=True) if isinstance(want, tuple) else [(want, got)]
    for one, other in pairs:
        assert type(one) is type(other)
        if isinstance(one, hy.Tensor):
            assert one.dtype == other.dtype
            np.testing.assert_allclose(np.asarray(other), np.asarray(one), rtol=1e-6, atol=1e-7)
        else:
            assert one == other
    return want


# The namespace ------------------------------------------------------------------------------------------------------------
def test_arrays_know_their_namespace():
    assert X.__array_namespace__() is hy
    assert X.__array_namespace__(api_version="2024.12") is hy
    assert hy.__array_api_version__ == "2024.12"
    with pytest.raises(ValueError, match=r"no such version"):
        X.__array_namespace__(api_version="2020.01")


def test_info():
    info = hy.__array_namespace_info__()
    assert info.capabilities() == {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}
    assert info.devices() == ["cpu"] and info.default_device() == "cpu" == X.device
    assert list(info.dtypes(kind="real floating")) == ["float32", "float64"]
    assert set(info.dtypes(kind=("bool", "signed integer"))) == {"bool", "int8", "int16", "int32", "int64"}
    with pytest.raises(ValueError, match="kind"):
        info.dtypes(kind="floats")
    with pytest.raises(ValueError, match="CPU"):
        info.default_dtypes(device="gpu")


@pytest.mark.parametrize("default", ["float32", "float64"])
def test_default_dtypes_are_those_of_new_arrays(default):
    with hy.config.override(default_float=default):
        dtypes = hy.__array_namespace_info__().default_dtypes()
        real, complex_ = dtypes["real floating"], dtypes["complex floating"]
        assert real == default and hy.finfo(complex_).dtype == real
        made = [hy.zeros(2), hy.ones(2), hy.empty(2), hy.eye(2), hy.linspace(0, 1, 3), hy.asarray([0.5]), hy.full(2, 0.5),
                hy.arange(0.0, 1.0, 0.5), hy.fft.fftfreq(4), hy.fft.rfftfreq(4)]  # fmt: skip
        assert {x.dtype for x in made} == {real}
        assert {hy.asarray(1j).dtype, hy.asarray([1j, 0.5]).dtype, hy.full(2, 1j).dtype} == {complex_}
        assert {hy.asarray([1]).dtype, hy.arange(3).dtype, hy.full(2, 1).dtype} == {dtypes["integral"]}
        assert {hy.argmax(X).dtype, hy.argsort(X).dtype, hy.nonzero(X)[0].dtype} == {dtypes["indexing"]}


def test_limits():
    for dtype in (hy.float32, hy.float64, hy.complex64, hy.float16, hy.bfloat16):
        limits = hy.finfo(dtype)
        assert all(type(x) is float for x in (limits.eps, limits.max, limits.min, limits.smallest_normal))
        assert type(limits.bits) is int and hy.isdtype(limits.dtype, "real floating")
    assert hy.finfo(X).eps == float(np.finfo(np.float32).eps) and hy.finfo(X).resolution == float(
        np.finfo(np.float32).resolution
    )
    assert (hy.iinfo("uint8").min, hy.iinfo(hy.asarray([1])).max) == (0, 2**63 - 1)
    with pytest.raises(TypeError, match="iinfo has"):
        hy.finfo(hy.int32)
    with pytest.raises(TypeError, match="finfo has"):
        hy.iinfo(hy.float32)


def test_limits_of_traced_arrays():
    both(lambda x: x * hy.finfo(x).eps, X)
    both(lambda x: x + hy.finfo(x.dtype).max if hy.isdtype(x.dtype, "real floating") else x, X)


def test_kinds_and_casts():
    assert hy.isdtype(hy.int8, ("bool", "integral")) and not hy.isdtype(hy.uint8, "signed integer")
    assert hy.isdtype(hy.float32, hy.float32) and hy.isdtype(hy.complex64, "numeric") and not hy.isdtype(hy.bool, "numeric")
    assert hy.can_cast(hy.int32, hy.float64) and not hy.can_cast(X, hy.int64)
    assert hy.can_cast(hy.bfloat16, hy.float32) and not hy.can_cast(hy.float32, hy.bfloat16)
    assert hy.astype(X, "bf16").dtype == hy.bfloat16 and hy.astype(X, hy.float32, copy=False) is X


def test_dlpack_takes_the_standards_keywords():
    capsule = X.__dlpack__(stream=None, max_version=(1, 0), dl_device=(1, 0), copy=True)
    assert "dltensor" in repr(capsule)
    assert hy.all(hy.from_dlpack(X, device="cpu", copy=True) == X)


# Tensors of Python's numbers ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "value", [1.5, 2, True, 1j, np.float64(2.5), np.float32(2.5), [1.0, 2.0], (1, 2.0), [1j, 2.0]], ids=repr
)
def test_asarray_of_numbers_is_a_tensor_in_traces_too(value):
    assert type(both(hy.asarray, value)) is hy.Tensor


@pytest.mark.parametrize("value", [1.5, 2, True, 1j, np.float64(2.5)], ids=repr)
def test_filled_with_a_traced_number(value):
    both(lambda v: hy.full((2,), v), value)


def test_asarray_of_traced_parts():
    both(lambda x, a: hy.asarray([x.sum(), a]), X, 2.0)
    both(lambda a, b: hy.asarray([a, b]), 1, 2.0)
    both(lambda a: hy.arange(0.0, a, 1.0), 3.0)


def test_asarray_shares_the_memory_of_an_array():
    def f(x):
        y = hy.asarray(x)
        y += 1
        return y

    for call in (f, hy.function(f, strict=True)):
        x = np.ones(3)
        y = call(x)
        assert type(y) is hy.Tensor and x.tolist() == [2, 2, 2]
        y[0] = 5
        assert x[0] == 5


def test_asarray_copies_when_it_must():
    both(lambda x: hy.asarray(x, copy=True), np.ones(3))
    both(lambda x: hy.asarray(x, dtype=hy.int32), X)
    for call in (hy.asarray, hy.function(hy.asarray)):
        with pytest.raises(ValueError, match="copy"):
            call(X, dtype=hy.int32, copy=False)


def test_arrays_of_others_keep_their_dtype():
    class Other:
        def __array__(self, dtype=None, copy=None):
            return np.array([0.1, 0.2])

    for data in (Other(), array.array("d", [0.1, 0.2]), memoryview(np.array([0.1, 0.2])), [Other(), Other()]):
        assert hy.asarray(data).dtype == hy.tensor(data).dtype == hy.float64
    assert hy.asarray([[0.1], [0.2]]).dtype == hy.float32


# Functions whose form is the standard's -----------------------------------------------------------------------------------
def test_clip():
    assert both(lambda x: hy.clip(x, 1.5), X).tolist() == [[3.0, 1.5, 2.0], [1.5, 2.0, 2.0]]
    assert both(lambda x: hy.clip(x, max=2), X).tolist() == [[2.0, 1.0, 2.0], [1.0, 2.0, 2.0]]
    assert both(lambda x: hy.clip(x, a_min=2, a_max=None), X).tolist() == [[3.0, 2.0, 2.0], [2.0, 2.0, 2.0]]


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("descending", [False, True])
def test_orders(axis, descending):
    rng = np.random.default_rng(0)
    a = rng.integers(0, 5, (40, 30))
    x = hy.asarray(a)
    ordered = both(lambda x: hy.sort(x, axis=axis, descending=descending), x)
    order = both(lambda x: hy.argsort(x, axis=axis, descending=descending), x)
    want = np.argsort(-a if descending else a, axis, kind="stable")  # equal elements keep their order, both ways
    assert (np.asarray(order) == want).all()
    assert (np.asarray(ordered) == np.take_along_axis(a, want, axis)).all()


def test_orders_of_all_elements():
    assert both(lambda x: hy.argsort(x, axis=None, descending=True), X).tolist() == [0, 2, 4, 5, 1, 3]
    assert both(lambda x: hy.sort(x, axis=None, descending=True), X).tolist() == [3, 2, 2, 2, 1, 1]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "bool", "float32", "complex64"])
def test_vecdot_keeps_the_dtype(dtype):
    x = hy.astype(X, dtype)
    assert both(hy.vecdot, x, x).dtype == dtype
    assert both(lambda a, b: hy.linalg.vecdot(a, b, axis=0), x, x[:, :1]).shape == (3,)
    for call in (hy.vecdot, hy.function(hy.vecdot)):
        with pytest.raises(ValueError, match="core dimension"):
            call(x, x[:, :1])
        with pytest.raises(ValueError, match="dimensions"):
            call(x, x[0, 0])


def test_matrices_of_the_extension():
    a, stack = hy.asarray([[4.0, 1.0], [1.0, 3.0]]), hy.asarray(np.random.default_rng(0).normal(size=(2, 3, 3)))
    for f in (hy.linalg.pinv, hy.linalg.slogdet, hy.linalg.svdvals, hy.linalg.eigvalsh, hy.linalg.matrix_rank, hy.linalg.trace,
              hy.linalg.matrix_norm, hy.linalg.vector_norm, hy.linalg.diagonal, hy.linalg.matrix_transpose):  # fmt: skip
        both(f, a)
        both(f, stack)
    assert hy.linalg.diagonal(stack, offset=1).shape == (2, 2)
    both(lambda x: hy.linalg.matrix_power(x, 3), a)
    both(lambda x: hy.linalg.cross(x, x[::-1], axis=0), stack[0])


def test_transforms_of_the_extension():
    x = hy.asarray(np.random.default_rng(0).normal(size=(4, 6)))
    both(hy.fft.rfftn, x)
    both(hy.fft.irfftn, hy.fft.rfftn(x))
    both(hy.fft.hfft, x)
    both(hy.fft.ihfft, x)
    both(lambda n: hy.fft.fftfreq(n, d=0.5, dtype=hy.float64), 5)
    assert hy.fft.rfftfreq(4, device="cpu").tolist() == [0.0, 0.25, 0.5]


def test_sets():
    x = hy.asarray([[2.0, 1.0], [2.0, 0.0]])
    values, counts = both(hy.unique_counts, x)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == {0.0: 1, 1.0: 1, 2.0: 2}
    values, inverse = both(hy.unique_inverse, x)
    assert values[inverse].tolist() == x.tolist()
    both(hy.unique_all, x)
    assert both(hy.unique_values, hy.asarray([np.nan, np.nan])).shape == (2,)
    order = np.random.default_rng(0).permutation(500)
    assert both(hy.unique_values, hy.asarray(order)).tolist() == list(range(500))


@pytest.mark.parametrize("name", ["expm1", "log1p", "log2", "log10"])
def test_logarithms_of_complex_numbers(name):
    both(getattr(hy, name), hy.asarray([1 + 2j, -3 + 0.5j, 1e-9j]))


def test_running_sums_from_zero():
    both(lambda x: hy.cumulative_sum(x, include_initial=True, axis=1), X)
    both(lambda x: hy.cumulative_prod(x, axis=0), X)


@pytest.mark.parametrize("name", ["sum", "prod"])
def test_sums_in_booleans(name):
    x = hy.asarray([[0.0, 2.0, 1.0], [0.0, 0.0, 1.0]])
    for axis in (None, 0, 1):
        both(lambda x: getattr(hy, name)(x, axis=axis, dtype=hy.bool), x)  # noqa: B023
    both(lambda x: getattr(np, name)(x, 0, bool, initial=True), x)


@pytest.mark.parametrize("truth", [True, False])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_a_truth_value_selects_all_or_nothing(truth, shape):
    x, mask = hy.ones(shape), hy.asarray(truth)
    assert both(lambda x, mask: x[mask], x, mask).shape == (int(truth), *shape)
    both(lambda x, mask: x[mask].sum(), x, mask)
    both(lambda x, mask: x[mask] * 2 + 1, x, mask)
    with pytest.warns(hy.FallbackWarning, match="truth value"):
        assert hy.function(lambda x, mask: x[..., mask])(x, mask).shape == (*shape, int(truth))


def test_sets_of_one_truth_value():
    assert both(hy.unique_values, hy.asarray(True)).tolist() == [True]


def test_diagonals_far_outside():
    for k in (2**70, -(2**70), 5):
        assert both(lambda x: x + hy.eye(3, k=k), hy.zeros((3, 3))).tolist() == [[0.0] * 3] * 3  # noqa: B023


def test_an_ellipsis_beside_a_traced_place():
    for key in ((hy.asarray(1), ...), (..., hy.asarray(1)), (hy.asarray([1]), ...), (np.int64(1), ...)):
        both(lambda x, k: x[k] * 2, hy.ones((2, 3)), key)
