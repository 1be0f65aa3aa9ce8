"""Saved graphs: one file that runs where the code does not exist, is never half written, and never lies."""

import os
import subprocess
import sys
import zipfile
from collections import namedtuple
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from hybrid import __main__ as command
from hybrid.core import dtype as dt
from hybrid.core.errors import ArgumentError, CompileError, DTypeError, GraphError, ShapeError
from hybrid.core.shape import TensorType
from hybrid.core.spec import Spec
from hybrid.export import archive, load, save
from hybrid.frontend.tensor import Tensor
from hybrid.frontend.values import wrap
from hybrid.ir.graph import Eqn, Graph, Var, evaluate
from hybrid.ir.primitive import TABLE, infer
from hybrid.staging.function import function
from hybrid.staging.locate import close

PACKAGE = Path(__file__).parents[2]
Pair = namedtuple("Pair", "low high")


def model(parameters, x, scale=1.0, *, mode="mean"):
    h = np.tanh(x @ parameters["w"] + parameters["layers"][0])
    y = h.mean(axis=-1) if mode == "mean" else h.sum(axis=-1)
    return {"y": y * scale, "range": Pair(h.min(), h.max()), "mode": mode, "none": None, "same": x}


def arguments():
    rng = np.random.default_rng(0)
    return {"w": rng.standard_normal((6, 5)).astype("f"), "layers": [rng.standard_normal(5).astype("f")]}, rng.standard_normal(
        (7, 6)
    ).astype("f")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.hy"


def same(got, want):
    assert type(got) is type(want), (type(got), type(want))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


# functions ------------------------------------------------------------------------------------------------------------
def test_a_function_comes_back_with_its_structure(path):
    parameters, x = arguments()
    save(function(model), path, parameters, x, 2.0, mode="sum")
    saved = load(path)
    for scale in (2.0, 5.0):
        got, want = saved(parameters, x=x, scale=scale, mode="sum"), model(parameters, x, scale, mode="sum")
        assert list(got) == list(want) and got["mode"] == "sum" and got["none"] is None
        same(got["y"], want["y"])
        same(got["same"], x)
        assert type(got["range"]) is tuple
        for part, expected in zip(got["range"], want["range"]):
            same(part, expected)
    assert saved.inputs == {"parameters_0": TensorType(dt.float32, (6, 5)), "parameters_1": TensorType(dt.float32, (5,)),
                            "x": TensorType(dt.float32, (7, 6)), "scale": TensorType(dt.float64, (), weak=True)}  # fmt: skip
    assert repr(saved).startswith("<saved graph model(parameters_0: f32[6,5]") and str(saved).startswith("graph model(")


def test_specs_and_captured_arrays(path):
    weights = np.random.default_rng(1).standard_normal((4, 3)).T.astype("f")
    narrow = np.arange(4).astype(ml_dtypes.bfloat16)
    save(function(lambda x: (weights * x, narrow * 2, weights.shape[0])), path, Spec(4))
    want = weights * np.arange(4, dtype="f")
    kept = load(path)
    weights[:] = 0
    product, doubled, rows = kept(np.arange(4, dtype="f"))
    same(product, want)
    assert doubled.dtype == ml_dtypes.bfloat16 and doubled.astype(float).tolist() == [0, 2, 4, 6] and rows == 3


def test_written_arguments_are_results(path):
    @function
    def step(x, state):
        state *= 0.5
        state[0] += x.sum()
        return state[1:], state, x * 2

    x, state = np.arange(3.0), np.full(4, 8.0)
    save(step, path, x, state)
    assert state.tolist() == [8, 8, 8, 8]
    (tail, whole, doubled), written = load(path)(x, state)
    assert state.tolist() == [8, 8, 8, 8]
    assert tail.tolist() == [4, 4, 4] and whole.tolist() == [7, 4, 4, 4] and doubled.tolist() == [0, 2, 4]
    assert list(written) == ["state"] and written["state"].tolist() == [7, 4, 4, 4]


def test_tensors_and_scalars_keep_their_kind(path):
    save(function(lambda t, s, n: (t + 1, s * 2, n * 2)), path, wrap(np.ones(3)), np.float32(2), 1.5)
    saved = load(path)
    tensor, scalar, number = saved(wrap(np.zeros(3)), np.float32(4), 2.5)
    assert type(tensor) is Tensor and tensor._data.tolist() == [1, 1, 1]
    assert type(scalar) is np.float32 and scalar == 8 and type(number) is float and number == 5
    assert saved([1, 2, 3], 1, 2)[0]._data.tolist() == [2, 3, 4]


def test_nothing_to_compute(path):
    save(function(lambda x: None), path, np.ones(3))
    assert load(path)(np.ones(3)) is None


# graphs ---------------------------------------------------------------------------------------------------------------
def test_a_traced_graph_saves_and_runs(path):
    def step(x, w):
        w -= 0.1 * x
        return (x * w).sum()

    x, w = np.arange(4.0), np.ones(4)
    save(function(step).trace(x, w), path)
    loss, new = load(path)(x, w)
    assert w.tolist() == [1, 1, 1, 1]
    same(np.float64(loss), step(x, w))
    np.testing.assert_allclose(new, w)
    again, third = path.with_name("again.hy"), path.with_name("third.hy")
    save(load(path), again)  # without the user's lines, which are comments in the text
    save(load(again), third)
    assert again.read_bytes() == third.read_bytes() and str(load(again)) == str(load(path))
    np.testing.assert_array_equal(load(third)(x, np.ones(4))[1], w)


HERE = ("island", "jitted", "jitted_failing", "bitgen")  # functions and generators that only this process has
ROWS = [pytest.param(p, id=p.name) for p in TABLE.values() if not p.effect and p.name not in HERE]


@pytest.mark.parametrize("primitive", ROWS)
def test_every_row_of_the_table_saves(primitive, path):
    """One sample of each row in each dtype: the file means what the graph means, and runs to the same values."""
    seen = set()
    for operands, params in primitive.sample(np.random.default_rng(0)):
        types = [TensorType(a.dtype, a.shape) for a in map(np.asarray, operands)]
        if (key := tuple(t.dtype for t in types)) in seen:
            continue
        seen.add(key)
        inputs = tuple(map(Var, types))
        outputs = tuple(map(Var, infer(primitive, types, dict(params))))
        graph = Graph(primitive.name, inputs, (Eqn(primitive, inputs, params, outputs),), outputs)
        save(graph, path)
        saved = load(path)
        want = evaluate(graph, *operands)
        assert str(saved) == str(graph)
        for got, expected in zip(evaluate(saved.graph, *operands), want):
            np.testing.assert_array_equal(got, expected)
        if len(seen) == 1:
            result = saved(*operands)
            for got, expected in zip(result if len(outputs) > 1 else [result], want):
                assert close(np.asarray(got), np.asarray(expected))


# what cannot be saved -------------------------------------------------------------------------------------------------
class Thing:
    pass


@pytest.mark.parametrize(("f", "given", "message"), [
    (lambda x: (x, Thing), (np.ones(2),), "a result is a Python object"),
    (lambda x, thing: x, (np.ones(2), Thing), "the argument 'thing' is a Python object"),
    (lambda x, y: x + y, (np.ones(2),) * 2, "the same array"),
    (lambda x: {3: x * 2}, (np.ones(2),), "keys are not strings"),
])  # fmt: skip
def test_what_a_file_cannot_hold(f, given, message, path):
    with pytest.raises(ArgumentError, match=message):
        save(function(f), path, *given)
    assert not path.exists()


def test_captured_arrays_cannot_be_written(path):
    state = wrap(np.zeros(3))

    def count(pair):
        state[:] = state + pair[0]
        return pair[0] * 2

    with pytest.raises(ArgumentError, match="writes into an array it captured"):
        save(function(count), path, (np.ones(3), None))


def test_what_is_no_graph(path):
    with pytest.raises(ArgumentError, match="cannot be saved"):
        save(np.sin, path)
    with pytest.raises(ArgumentError, match="only a decorated function"):
        save(function(lambda x: x * 2).trace(Spec(3)), path, np.ones(3))
    with pytest.raises(CompileError, match="not compiled"):
        save(function(lambda x: x.tobytes()), path, np.ones(3))


# calls that do not fit ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("args", "kwargs", "error", "message"), [
    ((), {}, ArgumentError, "needs the argument 'parameters'"),
    ((1, 2, 3, 4, 5), {}, ArgumentError, "takes 4 arguments"),
    (("p", "x", 1.0), {"mode": "mean"}, ArgumentError, "'mode' is part of the saved graph"),
    (("p", "x", 1.0), {"mode": "sum", "other": 1}, ArgumentError, "no argument 'other'"),
    (({"w": 0}, "x", 1.0), {"mode": "sum"}, ArgumentError, "'parameters' has another structure"),
    (({"w": 0, "layers": 0}, "x", 1.0), {"mode": "sum"}, ArgumentError, r"parameters\['layers'\]"),
    (("p", np.ones((7, 6)), 1.0), {"mode": "sum"}, DTypeError, "x is of another dtype"),
    (("p", np.ones((8, 6), "f"), 1.0), {"mode": "sum"}, ShapeError, "x has another shape"),
])  # fmt: skip
def test_calls_that_do_not_fit(args, kwargs, error, message, path):
    parameters, x = arguments()
    save(function(model), path, parameters, x, 2.0, mode="sum")
    stand_in = {"p": parameters, "x": x}
    with pytest.raises(error, match=message):
        load(path)(*(stand_in.get(a, a) if isinstance(a, str) else a for a in args), **kwargs)


def test_results_do_not_alias(path):
    save(function(lambda x: (x, x[1:], x + 0)), path, np.arange(3.0))
    saved, x = load(path), np.arange(3.0)
    for part in saved(x):
        assert not np.shares_memory(part, x)
    first, second = saved(x), saved(x)
    assert not any(np.shares_memory(a, b) for a in first for b in second)


# files ----------------------------------------------------------------------------------------------------------------
@pytest.fixture
def file(path):
    table = np.arange(12.0).reshape(3, 4)
    save(function(lambda x: np.exp(x) * table), path, np.arange(4.0))
    return path


def rewrite(path, changes):
    with zipfile.ZipFile(path) as archive_:
        members = {name: archive_.read(name) for name in archive_.namelist()}
    members = {name: data for name, data in {**members, **changes(members)}.items() if data is not None}
    with zipfile.ZipFile(path, "w") as archive_:
        for name, data in members.items():
            archive_.writestr(name, data)


def test_truncated_files_are_refused(file):
    whole = file.read_bytes()
    for size in (0, 1, 30, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:size])
        with pytest.raises(GraphError, match="is not a saved graph, or is damaged"):
            load(file)


def test_flipped_bits_are_noticed_or_mean_nothing(file):
    whole, x = file.read_bytes(), np.arange(4.0)
    want, text = load(file)(x), str(load(file))
    rng = np.random.default_rng(0)
    refused = 0
    for at in rng.integers(0, len(whole), 300):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(rng.integers(8))
        file.write_bytes(damaged)
        try:
            saved = load(file)
        except GraphError:
            refused += 1
            continue
        assert str(saved) == text
        np.testing.assert_array_equal(saved.graph.constants[0][1], np.arange(12.0).reshape(3, 4))
    assert refused > 150
    file.write_bytes(whole)
    np.testing.assert_array_equal(load(file)(x), want)


@pytest.mark.parametrize(("changes", "message"), [
    (lambda m: {"meta.json": m["meta.json"].replace(b'"format": 1', b'"format": 99')}, "another format"),
    (lambda m: {"meta.json": b"[]"}, "another format"),
    (lambda m: {"meta.json": b"{"}, "damaged"),
    (lambda m: {"graph.txt": None}, "damaged"),
    (lambda m: {"constants/c0.npy": b"x"}, "damaged"),
    (lambda m: {"constants/c0.npy": m["constants/c0.npy"].replace(b"<f8", b"<i8")}, "meta.json says f64"),
    (lambda m: {"graph.txt": m["graph.txt"].replace(b"exp(", b"expo(")}, "expo is not a primitive"),
    (lambda m: {"graph.txt": m["graph.txt"].replace(b"return t", b"return q")}, "before it is defined"),
    (lambda m: {"meta.json": m["meta.json"].replace(b'"output": 0', b'"output": 7')}, "names output 7"),
    (lambda m: {"meta.json": m["meta.json"].replace(b'"input": 0', b'"input": null')}, "names input None"),
    (lambda m: {"meta.json": m["meta.json"].replace(b'"ndarray"', b'"matrix"')}, "kind 'matrix'"),
])  # fmt: skip
def test_files_that_lie_are_refused(file, changes, message):
    rewrite(file, changes)
    with pytest.raises(GraphError, match=message):
        load(file)


def test_no_pickle(file):
    def pickled(members):
        import io

        out = io.BytesIO()
        np.save(out, np.array([{}], object), allow_pickle=True)
        return {"constants/c0.npy": out.getvalue()}

    rewrite(file, pickled)
    with pytest.raises(GraphError, match="damaged"):
        load(file)


def test_writes_are_atomic(file, monkeypatch):
    before = file.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(archive, "_npy", fail)
    with pytest.raises(OSError, match="disk full"):
        save(load(file), file)
    assert file.read_bytes() == before and os.listdir(file.parent) == [file.name]
    with pytest.raises(FileNotFoundError):
        load(file.with_name("nothing.hy"))


# another process ------------------------------------------------------------------------------------------------------
def test_runs_where_the_source_does_not_exist(tmp_path, path):
    parameters, x = arguments()
    save(function(model), path, parameters, x, 2.0, mode="sum")
    want = model(parameters, x, 3.0, mode="sum")["y"]
    np.savez(tmp_path / "in.npz", w=parameters["w"], b=parameters["layers"][0], x=x)
    script = f"""
import sys
sys.path.append({str(PACKAGE)!r})
import numpy as np
from hybrid.export import load
a = np.load("in.npz")
out = load("model.hy")({{"w": a["w"], "layers": [a["b"]]}}, a["x"], 3.0, mode="sum")
np.save("out.npy", out["y"])
assert not [m for m in sys.modules if m.startswith("test")], "the source was imported"
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    same(np.load(tmp_path / "out.npy"), want)


# the command line -----------------------------------------------------------------------------------------------------
def test_command_line(file, tmp_path, capsys):
    assert command.main([]) == 0
    assert {"hybrid", "python", "numpy", "machine", "vectors", "threads"} <= {
        line.split()[0] for line in capsys.readouterr().out.splitlines()
    }
    for stage, mark in (
        ("graph", "const c0"),
        ("loops", "kernel k0("),
        ("numba", "@numba.njit"),
        ("llvm", "define"),
        ("asm", "ret"),
        ("dot", "digraph"),
    ):
        assert command.main(["show", str(file), "--stage", stage]) == 0
        assert mark in capsys.readouterr().out
    np.save(tmp_path / "x.npy", np.zeros(4))
    assert command.main(["run", str(file), str(tmp_path / "x.npy"), "-o", str(tmp_path / "out.npz")]) == 0
    assert capsys.readouterr().out.startswith("result: float64[3, 4]\n")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npz")["result"], np.arange(12.0).reshape(3, 4))
    assert command.main(["run", str(file)]) == 1 and "takes 1 inputs" in capsys.readouterr().err
    assert command.main(["run", str(file), "seven"]) == 1 and "neither a .npy file nor a number" in capsys.readouterr().err
    assert command.main(["show", "nothing.hy"]) == 1 and "nothing.hy" in capsys.readouterr().err
