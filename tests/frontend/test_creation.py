"""New arrays: eager dtypes and sharing, and what a trace records for NumPy's constructors."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import ArgumentError, DTypeError
from hybrid.frontend.creation import CONSTRUCTORS


def test_tensor_takes_python_floats_in_the_default_float():
    assert hy.tensor([1.0, 2.0]).dtype == np.float32
    assert hy.tensor([1, 2]).dtype == np.int64
    assert hy.tensor([True]).dtype == np.bool_
    assert hy.tensor(np.ones(2)).dtype == np.float64
    assert hy.tensor([np.float64(1.0)]).dtype == np.float64
    assert hy.tensor(2.5).shape == ()
    assert hy.tensor([1.0], dtype="float64").dtype == np.float64
    assert hy.tensor([1.0], dtype="bf16").dtype == hy.bfloat16
    with hy.config.override(default_float="float64"):
        assert hy.tensor([1.0]).dtype == np.float64


def test_tensor_copies_and_asarray_shares():
    data = np.zeros(3)
    copied, shared = hy.tensor(data), hy.asarray(data)
    data[0] = 1
    assert copied[0].item() == 0
    assert shared[0].item() == 1
    with pytest.raises(ValueError):
        hy.asarray(data, dtype=np.float32, copy=False)


def test_unsupported_dtypes_are_refused():
    with pytest.raises(DTypeError, match="not supported"):
        hy.tensor(["a", "b"])


@pytest.mark.parametrize(
    "source",
    [
        "hy.zeros(3)", "hy.ones((2, 3), 'int32')", "hy.full(2, 7)", "hy.full((2,), 0.5)", "hy.eye(3)",
        "hy.eye(2, 3, k=1)", "hy.arange(5)", "hy.arange(1, 7, 2)", "hy.arange(0, 1, 0.25)", "hy.linspace(0, 1, 5)",
        "hy.linspace(0, 1, 4, endpoint=False)", "hy.tri(3)", "hy.empty((0, 2))", "hy.tensor([[1.0, 2.0]])",
        "hy.arange(3.0, dtype='float64')",
    ],
)  # fmt: skip
def test_functions_are_recorded_with_their_eager_values(source, check):
    function = eval(f"lambda x: {source}", {"hy": hy})
    expected = function(None)
    assert isinstance(expected, hy.Tensor)
    graph = check(lambda x: np.asarray(function(x)) if not isinstance(x, hy.Tensor) else _array(function(x)), np.ones(1))
    assert not graph.constants or "tensor" in source or "linspace" in source


def _array(tensor):
    """The ndarray that a traced tensor stands for, for a check against NumPy."""
    return CONSTRUCTORS[np.asarray](tensor)


@pytest.mark.parametrize(
    "source",
    [
        "np.zeros(3)", "np.zeros((2, 3), np.int32)", "np.ones(4)", "np.full((2,), 7)", "np.full(2, 0.5)", "np.eye(3)",
        "np.eye(2, 3, 1)", "np.identity(2)", "np.tri(3)", "np.arange(5)", "np.arange(1, 7, 2)", "np.arange(0, 1, 0.1)",
        "np.arange(3, dtype=np.float32)", "np.linspace(0, 1, 7)", "np.array([1, 2, 3])",
        "np.array([[1.0], [2.0]], np.float32)", "np.array(3.5)", "np.asarray([1, 2])", "np.array([x[0], x[1], 2.0])",
        "np.array([x, 2 * x])", "np.array(x)", "np.asarray(x)", "np.array(x, np.float32)", "np.full(3, x[0])",
        "np.zeros_like(x)", "np.linspace(0, x[1], 5)", "np.linspace(x[0], 2.0, 4, endpoint=False)", "np.full((2, 3), x)",
    ],
)  # fmt: skip
def test_numpy_constructors_inside_a_trace(source, check):
    class Traced:
        def __getattr__(self, name):
            return CONSTRUCTORS[getattr(np, name)] if getattr(np, name) in CONSTRUCTORS else getattr(np, name)

    direct, recorded = (eval(f"lambda x: {source}", {"np": module}) for module in (np, Traced()))
    check(lambda x: (recorded if isinstance(x, hy.Tensor) else direct)(x), np.array([0.5, 1.5, -1.0]), tolerance=1)


def test_writing_into_a_new_array_stays_inside_the_graph(check):
    def function(x):
        out = CONSTRUCTORS[np.zeros](3) if isinstance(x, hy.Tensor) else np.zeros(3)
        out[1:] = x[:2]
        return out

    graph = check(function, np.arange(3.0))
    assert not graph.constants


def test_devices():
    assert hy.ones(2, device="cpu").device == "cpu"
    with pytest.raises(ArgumentError):
        hy.ones(2, device="cuda")


def test_dlpack_both_ways():
    array = np.arange(4.0)
    tensor = hy.from_dlpack(array)
    assert np.shares_memory(tensor.numpy(), array)
    assert np.shares_memory(np.from_dlpack(tensor), array)


@pytest.mark.parametrize("version", [None, (1, 0)])
def test_bfloat16_travels_by_dlpack(version):
    tensor = hy.tensor([[1.5, -2.0], [0.0, 3.0]], dtype="bfloat16").T[::-1]
    back = hy.from_dlpack(tensor)
    assert back.dtype == hy.bfloat16 and np.shares_memory(back.numpy(), tensor.numpy())
    assert back.tolist() == tensor.tolist() and back.strides == tensor.strides
    assert not np.shares_memory(hy.from_dlpack(tensor, copy=True).numpy(), tensor.numpy())
    with pytest.raises((BufferError, RuntimeError, TypeError)):
        np.from_dlpack(tensor)  # it knows no bfloat16, and must not take the bits for integers

    class Library:
        """Another library's array, which may know the first form of the protocol alone."""

        def __dlpack__(self, **kwargs):
            if version is None and kwargs:
                raise TypeError("no keywords")
            return tensor.__dlpack__(**({"max_version": version} if version else {}))

        def __dlpack_device__(self):
            return tensor.__dlpack_device__()

    assert hy.from_dlpack(Library()).tolist() == tensor.tolist()
    fixed = tensor.numpy()
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        hy.from_dlpack(hy.asarray(fixed))[0, 0] = 1


def test_only_dlpack_is_taken():
    with pytest.raises(AttributeError, match="dlpack"):
        hy.from_dlpack(3)


def test_no_copy_is_made_in_silence():
    for given in ([1, 2], 3, 2.5, np.float64(3)):
        with pytest.raises(ValueError):
            hy.asarray(given, copy=False)
    x = np.arange(3.0)
    assert hy.asarray(x, copy=False).numpy() is x
    assert np.shares_memory(hy.asarray(memoryview(x), copy=False).numpy(), x)
    with pytest.raises(ValueError):
        hy.asarray(x, "float32", copy=False)


def test_integers_beyond_64_bits_beside_traced_numbers_decide_the_dtype():
    def both(a, b):
        try:
            return np.array([a, b]).dtype
        except Exception:
            return None

    decorated = hy.function(both)
    for a in (2**64, 2**63, 5, -(2**63) - 1):
        for b in (3.5, np.float64(3.5), np.uint64(3)):
            with warnings.catch_warnings(action="ignore"):
                assert decorated(a, b) == both(a, b)
