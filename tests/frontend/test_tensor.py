"""The Tensor class: Python protocols, NumPy protocols, in-place writes, text, pickling, and what a trace refuses."""

from __future__ import annotations

import copy
import operator
import pickle

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import EscapeError, TraceError
from hybrid.core.shape import TensorType
from hybrid.frontend.values import wrap
from hybrid.ir import trace as tr


def test_header():
    x = hy.asarray(np.zeros((2, 3), np.float32))
    assert (x.shape, x.ndim, x.size, x.dtype, x.itemsize, x.nbytes, len(x)) == ((2, 3), 2, 6, np.float32, 4, 24, 2)
    assert x.strides == (12, 4)
    assert x.T.strides == (4, 12)
    assert x.device == "cpu"
    assert x.to_device("cpu") is x
    assert x.flags.c_contiguous
    assert x.contiguous() is x
    assert x.T.contiguous().flags.c_contiguous
    assert x.base is None


def test_text():
    assert repr(hy.tensor([[1.0, 2.0]])) == "tensor([[1., 2.]], dtype=float32)"
    assert str(hy.tensor([1, 2])) == "[1 2]"
    assert f"{hy.tensor(2.5):.2f} {hy.tensor([1])}" == "2.50 [1]"


def test_python_numbers():
    x = hy.tensor(2.5)
    assert (float(x), int(x), bool(x), complex(x), x.item()) == (2.5, 2, True, 2.5 + 0j, 2.5)
    assert operator.index(hy.tensor(3)) == 3
    assert [10, 20, 30][hy.tensor(1)] == 20
    assert hy.tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
    assert round(hy.tensor(2.5)) == 2
    with pytest.raises(ValueError, match="ambiguous"):
        bool(hy.tensor([1, 2]))
    with pytest.raises(TypeError, match="unsized"):
        len(x)
    with pytest.raises(TypeError, match="0-d"):
        iter(x)


def test_containers():
    x = hy.tensor([1, 2, 3])
    assert 2 in x
    assert 5 not in x
    assert [row.item() for row in x] == [1, 2, 3]
    assert {x: "by identity"}[x] == "by identity"


def test_unknown_operands_are_left_to_the_other_side():
    class Other:
        def __radd__(self, x):
            return "radd"

        def __matmul__(self, x):
            return "matmul"

    x = hy.tensor([1.0])
    assert x + Other() == "radd"
    assert Other() @ x == "matmul"
    with pytest.raises(TypeError):
        x + "text"
    assert (x == "text").tolist() == [False]  # element by element, as in NumPy


def test_eager_tensors_alias_as_arrays_do():
    array = np.zeros((2, 3))
    x = hy.asarray(array)
    same = x
    x += 1
    assert same is x
    x[0, 1] = 5
    x.T[2] = 7
    x.reshape(-1)[0] = 9
    np.testing.assert_array_equal(array, [[9, 5, 7], [1, 1, 7]])
    x.fill(2)
    x **= 3
    x //= 3
    x %= 4
    x @= np.eye(3)
    assert array.sum() == 12
    np.add(x, 1, out=x)
    assert array[0, 0] == 3


def test_bit_operators_in_place():
    array = np.array([5, 6])
    x = hy.asarray(array)
    x &= 6
    x |= 1
    x ^= 2
    x <<= 3
    x >>= 1
    np.testing.assert_array_equal(array, ((((np.array([5, 6]) & 6) | 1) ^ 2) << 3) >> 1)


def test_pickling_and_copying():
    x = hy.tensor([[1.0, 2.0]])
    for y in (pickle.loads(pickle.dumps(x)), copy.copy(x), copy.deepcopy(x), x.clone(), x.copy()):
        np.testing.assert_array_equal(y.numpy(), x.numpy())
        assert type(y) is hy.Tensor
        assert not np.shares_memory(y.numpy(), x.numpy())
    assert np.shares_memory(x.detach().numpy(), x.numpy())


def test_conversion_to_numpy():
    x = hy.tensor([1.0, 2.0])
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert np.asarray(x, np.float64).dtype == np.float64
    assert not np.shares_memory(np.array(x), x.numpy())
    with pytest.raises(ValueError):
        np.asarray(x, np.float64, copy=False)


def test_numpy_functions_give_tensors():
    x = hy.tensor([3.0, 1.0, 2.0])
    for y in (
        np.sin(x),
        np.sort(x),
        np.concatenate([x, np.ones(1)]),
        np.unique(x),
        np.add.reduceat(x, [0, 1]),
        np.percentile(x, 50),
        np.ones(3) * x,
    ):
        assert type(y) is hy.Tensor
    assert np.array_equal(x, x) is True
    quotient, rest = np.divmod(x, 2)
    assert (quotient.tolist(), rest.tolist()) == ([1.0, 0.0, 1.0], [1.0, 1.0, 0.0])
    counts = np.zeros(3)
    np.add.at(counts, hy.tensor([0, 0, 2]), 1)
    assert counts.tolist() == [2, 0, 1]


def test_array_namespace():
    assert hy.tensor([1.0]).__array_namespace__() is hy


def test_methods_of_other_libraries():
    x = hy.tensor([[1.0, -2.0], [3.0, 4.0]])
    assert x.permute(1, 0).tolist() == x.T.tolist() == x.mT.tolist()
    assert x.unsqueeze(0).shape == (1, 2, 2)
    assert x.view(4).shape == (4,)
    assert x.view(np.int32).dtype == np.int32
    assert x.to("float64").dtype == np.float64
    assert x.to(x.dtype) is x
    assert x.relu().sum().item() == 8
    assert x.abs().max().item() == 4
    assert x.nonzero()[0].tolist() == [0, 0, 1, 1]
    x.shape = (4,)
    assert x.shape == (4,)


def trace_one(function):
    with tr.Trace("f") as trace:
        return function(wrap(trace.argument(TensorType(np.dtype(np.float32), (3,)), "ndarray", "x", 0)))


@pytest.mark.parametrize(
    "function",
    [
        bool,
        float,
        int,
        lambda x: x.tobytes(),
        lambda x: x.numpy(),
        np.asarray,
        pickle.dumps,
        lambda x: range(x),
        lambda x: np.array2string(x),
        lambda x: x.view(np.int64),
    ],
)
def test_a_trace_refuses_to_give_values(function):
    with pytest.raises(TraceError) as error:
        trace_one(function)
    assert error.value.fix


def test_the_error_names_the_users_line():
    with pytest.raises(TraceError) as error:
        trace_one(lambda x: np.array2string(x))
    assert error.value.at.file == __file__
    assert "np.array2string" in str(error.value)


def test_traced_text():
    assert repr(trace_one(lambda x: x)) == "<traced f32[3] in f>"
    with pytest.raises(TraceError, match="text"):
        trace_one(str)


def test_escaped_tensors_are_refused():
    x = trace_one(lambda x: x)
    for use in (lambda: x + 1, lambda: np.sin(x), lambda: hy.sum(x), lambda: x[0], lambda: hy.concatenate([x, x])):
        with pytest.raises(EscapeError, match="outside the call"):
            use()


def test_captured_tensors_are_read_when_the_graph_runs(traced):
    from hybrid.ir.graph import evaluate

    scale = hy.tensor([1.0, 2.0, 3.0])
    graph = traced(lambda x: x * scale + scale.sum(), np.ones(3, np.float32))
    scale[0] = 10
    np.testing.assert_array_equal(evaluate(graph, np.ones(3, np.float32))[0], [25, 17, 18])


def test_writes_to_captured_tensors_are_writes_of_the_trace():
    total = hy.zeros(3)
    with tr.Trace("f") as trace:
        x = wrap(trace.argument(TensorType(np.dtype(np.float32), (3,)), "ndarray", "x", 0))
        total += x
        total[1:] *= 2
        (cell,) = trace.captured.values()
        assert cell.written
    assert total.tolist() == [0, 0, 0]


def test_eager_softmax_and_friends():
    x = hy.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 1000.0]])
    np.testing.assert_allclose(hy.softmax(x).numpy().sum(-1), 1, rtol=1e-6)
    np.testing.assert_allclose(hy.logsumexp(x, axis=1).numpy(), [3.407606, 1000.0], rtol=1e-6)
    np.testing.assert_allclose(hy.log_softmax(x).numpy()[0], np.log(hy.softmax(x).numpy()[0]), rtol=1e-5)
    with np.errstate(divide="ignore"):
        assert hy.logsumexp(hy.tensor([-np.inf, -np.inf])).item() == -np.inf
    assert hy.one_hot(hy.tensor([0, 2]), 3).tolist() == [[1, 0, 0], [0, 0, 1]]
    np.testing.assert_allclose(hy.gelu(hy.tensor([1.0])).item(), 0.8413447, rtol=1e-6)


@pytest.mark.parametrize(
    "name", ["softmax", "log_softmax", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "logsumexp"]
)
def test_activations_trace_to_their_eager_values(name, check):
    x = np.random.default_rng(0).normal(size=(3, 5))
    for dtype in (np.float32, np.float64):
        check(lambda x: getattr(hy, name)(x), x.astype(dtype), tolerance=32)
