"""What becomes one kernel: the structure of fused programs, and that no fusion changes a value."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core.config import config
from hybrid.ir.graph import evaluate
from hybrid.ir.text import parse
from hybrid.ir.verify import verify
from hybrid.passes.pipeline import optimise
from hybrid.passes.steps import Group, HostCall, MatMul
from hybrid.staging.function import function
from tests import tools

RNG = np.random.default_rng(11)
ROWS = RNG.normal(size=(40, 300)).astype(np.float32)
IMAGE = RNG.normal(size=(64, 48)).astype(np.float32)


def steps(f, *args) -> list:
    """The steps of `f` compiled for these arguments, whose results are checked first."""
    compiled = function(f, strict=True)
    want, got = f(*args), compiled(*args)
    for a, b in zip(want if isinstance(want, tuple) else (want,), got if isinstance(got, tuple) else (got,), strict=True):
        np.testing.assert_allclose(b, a, rtol=2e-5, atol=2e-5)
    found, _ = compiled.__hybrid__._compiled(args, {})
    return list(found.lowered.program.steps)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def layernorm(x):
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5)


def logsumexp(x):
    top = x.max(axis=-1, keepdims=True)
    return (np.log(np.exp(x - top).sum(axis=-1, keepdims=True)) + top)[..., 0]


@pytest.mark.parametrize("f", [softmax, layernorm, logsumexp, lambda x: np.tanh(x) * 0.5 + x**2, lambda x: (x * x).sum(axis=1)])
def test_one_kernel(f):
    (group,) = steps(f, ROWS)
    assert isinstance(group, Group)


def test_a_blur_is_two_or_three_kernels():
    def blur(a):
        rows = (a[:, :-2] + 2 * a[:, 1:-1] + a[:, 2:]) / 4
        return (rows[:-2] + 2 * rows[1:-1] + rows[2:]) / 4

    assert 1 <= len(steps(blur, IMAGE)) <= 3


def test_results_of_one_shape_share_a_loop():
    (group,) = steps(lambda x: (x + 1, x * 2, np.exp(x)), ROWS)
    assert len(group.stages) == 3


def test_reductions_of_one_array_share_a_pass():
    (group,) = steps(lambda x: (x.sum(axis=1), x.max(axis=1), (x * x).sum(axis=1)), ROWS)
    assert len(group.stages) == 3


def test_a_reduction_is_not_fused_with_what_needs_all_of_it():
    """The transposed rows are read before the last of them is summed."""
    found = steps(lambda x: x[:40] - x[:40].sum(axis=1), ROWS[:, :40])
    assert len(found) == 2


def test_matrix_products_and_host_calls_stand_alone():
    a = RNG.normal(size=(64, 64)).astype(np.float32)
    kinds = [type(step) for step in steps(lambda a: np.sort(np.tanh(a @ a) + 1, axis=0) * 2, a)]
    assert kinds.count(HostCall) == 1 and kinds.count(MatMul) == 1


def test_without_fusion_every_equation_is_a_kernel():
    lines = "t0: f32[8,9] = exp(x)", "t1: f32[8,9] = mul(t0, x)", "t2: f32[8] = sum(t1, axes=(1,))", "return t2"
    graph = parse("\n".join(["graph g(x: f32[8,9]) {", *lines, "}"]))
    x = RNG.normal(size=(8, 9)).astype(np.float32)
    assert len(tools.lower(graph).kernels) == 1
    with config.override(disable_passes="fuse"):
        assert len(tools.lower(graph).kernels) == 3
        apart = tools.execute(graph, [x], "llvm")
    np.testing.assert_allclose(apart[0], evaluate(graph, x)[0], rtol=1e-6)


def test_a_costly_value_of_two_kernels_is_stored_once():
    """The exponential is read by a row and by a column reduction: computing it twice costs more than storing it."""
    found = steps(lambda x: (np.exp(x).sum(axis=1), np.exp(x).sum(axis=0)), ROWS)
    stored = [stage for step in found for stage in step.stages if stage.target in step.stored]
    assert len(stored) == 3


def test_dead_equations_make_no_step():
    def f(x):
        np.exp(x).sum()
        return x + 1

    assert len(steps(f, ROWS)) == 1


def test_results_that_are_inputs_constants_or_repeats():
    graph = parse("graph g(x: f32[3]) {\n  t0: f32[3] = neg(x)\n  return t0, x, t0, f32(2.5)\n}")
    x = np.array([1, -0.0, np.nan], np.float32)
    for got, want in zip(tools.execute(graph, [x], "llvm"), evaluate(graph, x), strict=True):
        assert tools.same_bits(got, np.asarray(want))


def test_passes_verify_and_can_be_switched_off():
    graph = parse("graph g(x: f32[3]) {\n  t0: f32[3] = neg(x)\n  t1: f32[3] = neg(t0)\n  return t1\n}")
    with config.override(verify=True):
        simple, notes = optimise(graph)
    assert not verify(simple).eqns
    names = ["keep_errors", "simplify", "drop_checks", "sink_views", "eliminate_dead", "delay_writes"]
    assert [note.name for note in notes] == names
    with config.override(disable_passes="simplify"):
        assert len(optimise(graph)[0].eqns) == 2
    with config.override(disable_passes="nonsense"), pytest.raises(ValueError, match="names no pass"):
        optimise(graph)


def test_rows_of_a_length_that_only_a_call_knows_are_one_kernel():
    f = function(softmax, strict=True)
    rng = np.random.default_rng(0)
    for shape in ((3, 4), (200, 300), (30, 7)):
        x = rng.standard_normal(shape)
        np.testing.assert_allclose(f(x), softmax(x), rtol=1e-12)
    assert str(f.loops(x)).count("kernel ") == 1
