"""Names of NumPy, of SciPy's special functions and of `math`, compiled as a whole, and on eager tensors, against themselves."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import HybridError
from hybrid.export import load, save
from tests.names.against import differs
from tests.names.table import function, groups, on_tensors, operands, read, run

CASES = read("cases.txt")
GROUPS = list(groups(CASES, 24))
# Of float32, whose results differ by more than rounding: badly conditioned, or as long as the values say.
BEYOND_FLOAT32 = ("np.polydiv(", "np.linalg.tensorinv(", "np.frompyfunc(", ".view(")
# Where sizes vary, these have one trace for all.
SIZES = [
    "np.insert(x, 3, d)", "np.delete(x, 2)", "np.append(x, y)", "np.vander(x, 3)", "np.histogram(x, 5)",
    "np.digitize(x, [-1, 0, 1])", "np.array_equal(x, y)", "np.polyfit(x, y, 2)", "np.cov(x, y)", "np.corrcoef(x, y)",
    "np.isin(i, j)", "np.union1d(i, j)", "np.setdiff1d(i, j)", "np.maximum.accumulate(x)", "np.subtract.reduce(x)",
    "np.add.reduceat(x, [0, 3, 7])", "np.nanmedian(x)", "np.percentile(x, 30)", "np.median(x[x > 0])",
    "np.gradient(x, y.cumsum())", "np.interp(x, np.arange(5.0), y[:5])", "np.lexsort((x, i))", "np.partition(x, 3)[3]",
    "np.unwrap(x)", "np.ediff1d(x)", "np.fft.fft(x)", "np.fft.hfft(c)", "np.gcd(i, j)", "np.frexp(x)",
    "np.piecewise(x, [x < 0, x >= 0], [lambda v: -v, lambda v: v**2])", "np.lib.stride_tricks.sliding_window_view(x, 3)",
    "x.flat[2:5]", "np.r_[x, y]", "np.c_[x, y]", "np.choose(i % 2, [x, y])", "np.roots(x[:4])", "sp.softmax(x)",
    "sp.gamma(u)", "np.linalg.lstsq(np.c_[x, u], y, rcond=None)", "math.fsum(x)", "np.linalg.norm(x, 3)",
]  # fmt: skip


def wrong(expressions, got, want):
    return "\n".join(f"{text}: {why}" for text, a, b in zip(expressions, got, want) if (why := differs(a, b)))


@pytest.mark.parametrize("k", range(len(GROUPS)))
def test_compiled(k, tmp_path):
    f, used = function(GROUPS[k], tmp_path, f"group{k}")
    assert not wrong(GROUPS[k], *run(f, used, operands(), strict=True))


def test_float32(tmp_path):
    given = {name: x.astype(np.float32) if name in "xymnstu" else x for name, x in operands().items() if name != "d"} | {
        "d": 0.7
    }
    chosen = [
        text for text in CASES if not text.startswith(BEYOND_FLOAT32) and "ufunc" not in text and text[:3] in ("np.", "sp.")
    ]
    for k, part in enumerate(list(groups([text for text in chosen if ";;" not in text][::3], 60))):
        f, used = function(part, tmp_path, f"part{k}")
        got, want = run(f, used, given, strict=True)
        bad = [
            text for text, a, b in zip(part, got, want) if (why := differs(a, b)) and " instead of " in why and "[" in why[:12]
        ]
        assert not bad, "\n".join(bad)  # classes, dtypes and shapes; values are compared in float64


@pytest.mark.parametrize("text", SIZES)
def test_sizes_vary(text, tmp_path):
    f, used = function([text], tmp_path, "sized")
    compiled = hy.function(f, strict=True)
    for size in (12, 15, 21, 9):
        rng = np.random.default_rng(size)
        given = operands() | {"x": rng.normal(size=size), "y": rng.normal(size=size), "i": rng.integers(0, 9, size),
                              "j": rng.integers(1, 9, size)}  # fmt: skip
        given |= {"c": given["x"] + 1j * given["y"], "u": np.abs(given["x"]) + 0.1}
        arguments = [given[name] for name in used]
        assert not differs(compiled(*arguments), f(*arguments))
    assert len(compiled.traces) <= 2 or "roots" in text


IN_LOOPS = [
    "np.polyfit(v, y, 2)", "np.histogram(v, 5)[0]", "np.linalg.lstsq(np.c_[v, u], y, rcond=None)[0]", "np.cov(v, y)",
    "np.maximum.accumulate(v)", "np.minimum.accumulate(v)", "np.percentile(v, 30)", "np.isin(i, j)",
    "np.interp(v, np.arange(5.0), y[:5])", "np.abs(np.fft.fft(v))", "np.fft.irfft(np.fft.rfft(v))",
    "np.linalg.solve(m + 1j * np.eye(4), c[:4]).real", "sp.gamma(u + v**2)", "math.gamma(1.0 + v[0] ** 2)",
    "math.gcd(int(i[0]), 6 + it)", "math.comb(8, it)", "math.isqrt(int(i[1]) * 7)", "v.flat[3]", "math.log(u[0] + it, 2)",
    "math.hypot(v[0], v[1], v[2])", "math.degrees(v[0])", "np.insert(v, 3, d)", "np.delete(v, 2)",
    "sum(x[a] for a in np.ndindex(3))", "np.vander(v, 3)", "np.apply_along_axis(np.max, 1, n * (1 + it))", "np.r_[v, it]",
]  # fmt: skip


@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_in_loops(backend, tmp_path):
    known = [text.replace("v", "x", 1) for text in IN_LOOPS]
    _, used = function([*known, "x, y, d"], tmp_path, "names")
    path = tmp_path / "loop.py"
    adds = "\n".join(f"        total[{k}] += np.sum(np.asarray({text}))" for k, text in enumerate(IN_LOOPS))
    path.write_text(f"import math\nimport numpy as np\nimport scipy.special as sp\n\n\ndef f({', '.join(used)}):\n"
                    f"    total = np.zeros({len(IN_LOOPS)})\n    for it in range(6):\n        v = x * (1 + it / 64)\n{adds}\n"
                    f"    return total\n", encoding="utf-8")  # fmt: skip
    space = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
    got, want = run(space["f"], used, operands(), strict=True, backend=backend)
    assert not wrong(IN_LOOPS, got, want)


def test_eager_tensors(tmp_path):
    plain = [text for text in CASES if text.startswith("np.") and ";;" not in text]
    given = operands()
    f, used = function(plain, tmp_path, "eager")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = on_tensors(f(*(given[name] for name in used)))
        arguments = (copy.deepcopy(given[name]) for name in used)
        got = on_tensors(f(*(hy.asarray(x) if isinstance(x, np.ndarray) else x for x in arguments)))
    assert not wrong(plain, got, want)


CORNERS = [
    "np.insert(e, 0, 1.0)", "np.maximum.accumulate(e)", "np.isin(e, e)", "np.union1d(e, e)", "np.unwrap(e)",
    "np.histogram(e, 3)", "np.piecewise(e, [e < 0, e >= 0], [1, 2])", "np.trim_zeros(e)", "np.r_[e, 1.0]", "np.ediff1d(e)",
    "np.sort_complex(e)", "np.gcd(z, 4)", "np.insert(z, 0, 3)", "np.trim_zeros(e * 0)", "np.trim_zeros(np.zeros(3) * z)",
    "np.i0(z)", "np.fix(z * 0.5)", "np.isposinf(z * 1.0)", "z.item()", "z.tolist()", "np.delete(r, -1)",
    "np.insert(r, -1, 5.0)", "np.delete(r, [0, 1])", "r.item(-1)", "np.resize(r, (2, 2))",
    "np.put(r, [0, -1], [1.0, 2.0]) ;; r", "np.place(r, r > 0, [7.0, 8.0]) ;; r", "r.flat = [1.0, 2.0] ;; r",
    "np.nan_to_num(r, copy=False) ;; r", "np.multiply.at(r, [0, 0], 2.0) ;; r", "np.matvec(q, r)",
    "np.linalg.matrix_power(q, 1)",
]  # fmt: skip


def test_corners(tmp_path):
    given = {"e": np.zeros(0), "z": np.array(6), "r": np.array([3.0, np.nan, -1.0]), "q": np.eye(3)}
    for k, text in enumerate(CORNERS):
        path = tmp_path / f"corner{k}.py"
        *statements, result = text.split(" ;; ")
        lines = [
            "import numpy as np",
            "",
            "",
            "def f(e, z, r, q):",
            *(f"    {line}" for line in statements),
            f"    return {result}",
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        space = {}
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
        got, want = run(space["f"], "ezrq", given, strict=True)
        assert not differs(got, want), f"{text}: {differs(got, want)}"


ERRORS = [
    "np.insert(x, 40, 1.0)", "np.delete(x, 40)", "np.linalg.lstsq(m, x)", "np.polyfit(x, y[:3], 2)",
    "np.ravel_multi_index((i, j), (2, 2))", "np.lib.stride_tricks.sliding_window_view(x, 40)", "np.choose(i, [x, y])",
    "np.put(x, [40], 1.0)", "x.item()", "math.gamma(d - 0.7)", "math.comb(int(i[0]), -1 - int(i[0]))",
    "math.isqrt(-1 - int(i[0]))", "np.piecewise(x, [x < 0], [1, 2, 3])", "np.linalg.solve(m * 0, x[:4])", "np.gcd(x, y)",
    "np.r_[x, m]", "np.block([x, [m]])",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_errors_are_numpys(text, tmp_path):
    f, used = function([text], tmp_path, "error")
    arguments = [operands()[name] for name in used]
    with pytest.raises(Exception) as plain:
        f(*arguments)
    with pytest.raises(type(plain.value)) as decorated:
        hy.function(f)(*arguments)
    assert str(decorated.value) == str(plain.value)


@pytest.mark.parametrize("text", read("refused.txt"))
def test_refused(text, tmp_path):
    """What does not compile says so, and gives the right result without `strict`."""
    f, used = function([text], tmp_path, "refused")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = f(*(copy.deepcopy(operands()[name]) for name in used))
        with pytest.raises(HybridError):
            hy.function(f, strict=True)(*(operands()[name] for name in used))
        got = hy.function(f)(*(copy.deepcopy(operands()[name]) for name in used))
    assert str(got) == str(want) or text.startswith("np.nditer")


def test_host_calls_are_saved_by_name(tmp_path):
    def fitted(x, y):
        return np.polyfit(x, y, 2, full=False), np.linalg.pinv(np.c_[x, y], rcond=1e-9)

    x, y = operands()["x"], operands()["y"]
    save(hy.function(fitted), tmp_path / "f.hy", x, y)
    assert not differs(load(tmp_path / "f.hy")(x, y), fitted(x, y))


def test_a_call_that_gives_something_else_is_pythons():
    f = hy.function(lambda a: np.linalg.eigvals(a) * 2)
    real, turned = np.diag([1.0, 2.0, 3.0]), np.array([[0.0, 1.0], [-1.0, 0.0]])
    for a in (real, turned, real):
        assert not differs(f(a), np.linalg.eigvals(a) * 2)


def test_how_many_there_are_is_all_that_is_asked():
    def shares(a, b):
        return len(np.intersect1d(a, b)) / len(np.union1d(a, b)), np.setdiff1d(a, b).size

    f, rng = hy.function(shares, strict=True), np.random.default_rng(0)
    for _ in range(5):
        a, b = (rng.integers(0, 30, rng.integers(1, 40)) for _ in "ab")
        assert f(a, b) == shares(a, b)


def test_an_array_that_is_given_back_is_the_same():
    def edges(x, bins):
        counts, same = np.histogram(x, bins)
        same[0] = -9.0
        return counts, bins

    x, bins = operands()["x"], np.linspace(-2, 2, 5)
    got = hy.function(edges, strict=True)(x, bins)
    assert got[1] is bins and bins[0] == -9.0


def test_identities():
    f = hy.function(lambda n: (np.ascontiguousarray(n.T), np.ascontiguousarray(n), np.asarray(n)), strict=True)
    n = np.arange(6.0).reshape(2, 3)
    turned, same, itself = f(n)
    assert turned.flags.c_contiguous and not np.shares_memory(turned, n) and same is n and itself is n
    np.testing.assert_array_equal(turned, n.T)


def test_windows_are_views_that_cannot_be_written():
    def windows(x):
        w = np.lib.stride_tricks.sliding_window_view(x, 3)
        x[0] = 7.0
        return w, w.sum(axis=1)

    x, other = np.arange(6.0), np.arange(6.0)
    (w, sums), (_, want) = hy.function(windows, strict=True)(x), windows(other)
    assert np.shares_memory(w, x) and not w.flags.writeable and w[0, 0] == 7.0
    np.testing.assert_array_equal(sums, want)
