"""NumPy's own loops of linear algebra and Fourier transforms, called by machine code: its results, its errors."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import hybrid as hy
from hybrid.core import dtype as dt
from hybrid.core import npyloops
from hybrid.core.npylinalg import lent
from hybrid.core.shape import TensorType

FLOATS = (np.float64, np.float32, np.complex64)
LINEAR = {
    "svd": lambda a: tuple(np.linalg.svd(a, full_matrices=False)), "full": lambda a: tuple(np.linalg.svd(a)),
    "values": lambda a: np.linalg.svd(a, compute_uv=False), "qr": lambda a: tuple(np.linalg.qr(a)),
}  # fmt: skip
SQUARE = {
    "inv": np.linalg.inv, "det": np.linalg.det, "eigvals": np.linalg.eigvals, "slogdet": lambda a: tuple(np.linalg.slogdet(a)),
    "eig": lambda a: tuple(np.linalg.eig(a)), "solve": lambda a: np.linalg.solve(a, a[..., :2]),
    "eigh": lambda a: tuple(np.linalg.eigh(a)), "upper": lambda a: tuple(np.linalg.eigh(a, "U")),
    "eigvalsh": np.linalg.eigvalsh, "eigvalsh_up": lambda a: np.linalg.eigvalsh(a, UPLO="U"),
    "cholesky": np.linalg.cholesky,
}  # fmt: skip
FFTS = {
    "fft": np.fft.fft, "columns": lambda a: np.fft.fft(a, axis=0), "ifft": np.fft.ifft, "fft2": np.fft.fft2,
    "irfft": np.fft.irfft, "longer": lambda a: np.fft.irfft(a, 19), "shorter": lambda a: np.fft.irfft(a, 3),
}  # fmt: skip


def numbers(dtype, *shape, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape) + (1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else 0)
    return x.astype(dtype)


def parts(result) -> tuple:
    return result if isinstance(result, tuple) else (result,)


def check(function, *operands, exact: bool = True) -> hy.function:
    decorated = hy.function(function, strict=True)
    for _ in range(2):
        for got, want in zip(parts(decorated(*operands)), parts(function(*operands)), strict=True):
            assert type(got) is type(want) and got.dtype == want.dtype and got.shape == want.shape
            same = np.asarray(got).tobytes() == np.asarray(want).tobytes() if exact else np.allclose(got, want, rtol=1e-5)
            assert same, f"{got!r}\nNumPy: {want!r}"
    assert "runs as NumPy" not in str(decorated.explain())
    return decorated


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", SQUARE)
def test_square_matrices_give_what_numpy_does_to_the_last_bit(name, dtype):
    for shape in ((18, 18), (2, 3, 4, 4)):
        x = numbers(dtype, *shape)
        positive = (x @ np.conj(np.swapaxes(x, -1, -2)) + np.eye(shape[-1])).astype(dtype)
        check(SQUARE[name], positive if name == "cholesky" else x)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", LINEAR)
def test_matrices_of_any_shape_give_what_numpy_does_to_the_last_bit(name, dtype):
    for x in (numbers(dtype, 4, 9), numbers(dtype, 2, 5, 3), numbers(dtype, 4, 9).T):
        check(LINEAR[name], x)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", FFTS)
def test_fourier_transforms_give_what_numpy_does_to_the_last_bit(name, dtype):
    # NumPy transforms real single precision back in double, complex numbers with no imaginary part not.
    exact = not (dtype is np.float32 and name in ("irfft", "longer", "shorter"))
    for shape in ((6, 16), (2, 5, 7)):
        check(FFTS[name], numbers(dtype, *shape), exact=exact)


@pytest.mark.parametrize("n", [1, 2, 7, 16])
def test_real_transforms_take_even_and_odd_sizes(n):
    for dtype in (np.float64, np.float32):
        check(np.fft.rfft, numbers(dtype, 3, n))
        check(lambda a: np.fft.rfft(a, axis=0), numbers(dtype, n, 3))


def test_one_trace_takes_sizes_of_either_parity_and_on_both_sides_of_what_loops_are_quicker_for():
    @hy.function(strict=True)
    def both(a):
        x = np.linalg.solve(a, a[0])
        return np.fft.rfft(a), x, np.linalg.eigvalsh(a), np.linalg.svd(a)[1], np.linalg.inv(a)

    for n in (3, 5, 8, 15, 16, 17, 18, 31):
        a = numbers(np.float64, n, n, seed=n) + n * np.eye(n)
        for got, want in zip(both(a), both.eager(a)):
            assert np.allclose(got, want, rtol=1e-9, atol=1e-9)
    assert len(both.traces) <= 2


@pytest.mark.parametrize("dtype", [*FLOATS, np.int64])
def test_least_squares(dtype):
    a, b = numbers(dtype, 9, 4) * (9 if dtype is np.int64 else 1), numbers(dtype, 9, 2)
    if dtype is np.int64:
        a = np.random.default_rng(0).integers(-9, 9, (9, 4))
    for x, y in ((a, b), (a, b[:, 0]), (a.T, a[0])):
        check(lambda a, b: tuple(np.linalg.lstsq(a, b, rcond=None)), x, y)
        check(lambda a, b: np.linalg.lstsq(a, b, 1e-3)[0], x, y)


def test_least_squares_of_another_rank_are_numpys():
    def fit(a, b):
        return tuple(np.linalg.lstsq(a, b, rcond=None))

    decorated, a, b = hy.function(fit), numbers(np.float64, 9, 3), numbers(np.float64, 9)
    flat = np.repeat(a[:, :1], 3, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hy.FallbackWarning)
        for x in (a, flat, a, flat, a):
            for got, want in zip(decorated(x, b), fit(x, b), strict=True):
                assert np.array_equal(got, want) and type(got) is type(want)


def test_solutions_alone_need_no_rank():
    def fitted(a, b):
        total = np.zeros(a.shape[1])
        for k in range(4, len(b)):
            total += np.linalg.lstsq(a[:k], b[:k], rcond=None)[0]
        return total

    a, b = numbers(np.float64, 12, 6), numbers(np.float64, 12)
    for x in (a, np.repeat(a[:, :1], 6, 1)):
        check(lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0], x, b)
        decorated = hy.function(fitted, strict=True)
        assert np.allclose(decorated(x, b), fitted(x, b))


def test_least_squares_of_as_many_rows_as_only_a_run_knows():
    def fit(t, y):
        kept = y > -0.5
        return np.linalg.lstsq(np.column_stack([np.ones_like(t[kept]), t[kept]]), y[kept], rcond=None)[0]

    decorated = hy.function(fit, strict=True)
    for seed in range(3):
        t, y = numbers(np.float64, 30, seed=seed), numbers(np.float64, 30, seed=seed + 9)
        assert np.allclose(decorated(t, y), fit(t, y))


def test_eigenvalues_that_turn_out_real_or_complex_are_as_numpys():
    def values(a):
        return np.linalg.eigvals(a)

    decorated = hy.function(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hy.FallbackWarning)
        for k in range(6):
            a = numbers(np.float64, 4, 4, seed=k)
            a = a if k % 3 else a + a.T
            got, want = decorated(a), values(a)
            assert got.dtype == want.dtype and np.array_equal(got, want)


@pytest.mark.parametrize("n", [3, 20])
def test_what_lapack_cannot_do_raises_what_numpy_raises(n):
    singular, odd = np.zeros((n, n)), np.full((n, n), np.nan)
    for function, x in (
        (np.linalg.inv, singular), (np.linalg.cholesky, -np.eye(n)), (np.linalg.eigvals, odd), (np.linalg.svdvals, odd),
        (lambda a: np.linalg.solve(a, a[0]), singular), (lambda a: np.linalg.lstsq(a, a[0], rcond=None)[0], odd),
    ):  # fmt: skip
        decorated = hy.function(function, strict=True)
        for _ in range(2):
            with pytest.raises(np.linalg.LinAlgError) as want:
                function(x)
            with pytest.raises(np.linalg.LinAlgError) as got:
                decorated(x)
            assert str(got.value) == str(want.value)


def test_norms_ranks_conditions_and_pseudo_inverses():
    for shape in ((5, 5), (3, 7), (7, 3)):
        a = numbers(np.float64, *shape)
        for ord in (2, -2, "nuc"):
            check(lambda a, ord=ord: np.linalg.norm(a, ord), a, exact=False)
        for function in (np.linalg.matrix_rank, np.linalg.cond, lambda a: np.linalg.cond(a, -2), np.linalg.pinv):
            check(function, a, exact=False)
            check(function, np.ones(shape) * a[0, 0], exact=False) if function is not np.linalg.cond else None
    with np.errstate(all="ignore"):
        assert hy.function(np.linalg.cond)(np.zeros((3, 3))) == np.linalg.cond(np.zeros((3, 3))) == np.inf


def test_fits_of_polynomials():
    x, y, w = numbers(np.float64, 30), numbers(np.float64, 30, seed=1), np.abs(numbers(np.float64, 30, seed=2))
    check(lambda x, y: np.polyfit(x, y, 3), x, y, exact=False)
    check(lambda x, y, w: np.polyfit(x, np.stack((y, x), 1), 2, w=w), x, y, w, exact=False)
    fit = hy.function(lambda x, y: np.polyfit(x, y, 3))
    for _ in range(2):
        with pytest.warns(np.exceptions.RankWarning):
            got = fit(np.ones(9), np.ones(9))
        assert np.allclose(got, 0.25)


def test_loops_call_them_without_python():
    @hy.function(strict=True)
    def filtered(p, h, z):
        out = np.empty(len(z))
        for k in range(len(z)):
            s = h @ p @ h.T + np.eye(len(h))
            gain = p @ h.T @ np.linalg.inv(s)
            p = p - gain @ h @ p + 0.1 * np.eye(len(p))
            out[k] = np.linalg.svd(p, compute_uv=False)[0] + np.abs(np.fft.fft(z))[k]
        return p, out

    p, h, z = np.eye(24), numbers(np.float64, 20, 24), numbers(np.float64, 12)
    for _ in range(2):
        for got, want in zip(filtered(p, h, z), filtered.eager(p, h, z)):
            assert np.allclose(got, want)
    text = str(filtered.explain())
    assert "loop.linalg.solve.d" in text and "runs as NumPy" not in text


def test_overflow_in_a_transform_warns_as_numpys():
    x = np.full(8, 1.7e308)
    transform = hy.function(lambda x: np.fft.fft(x))
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="encountered in fft"):
            got = transform(x)
    assert not np.isfinite(got[0])


def test_flags_raised_before_a_call_are_kept():
    @hy.function
    def both(x, a):
        return x / 0.0, np.linalg.inv(a)

    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="divide by zero"):
            both(np.ones(3), np.eye(20))


def test_every_loop_of_numpy_here_agrees_with_its_ufunc():
    for room, module in npyloops._MODULES.items():
        for name, ufunc in vars(__import__(module, fromlist=["_"])).items():
            if isinstance(ufunc, np.ufunc):
                for types in ufunc.types:
                    if types[0] in "fdFD":
                        assert npyloops.loop(room, name, types[0]) is not None, (name, types)


def test_another_numpy_gets_host_calls(monkeypatch):
    assert npyloops.loop.__wrapped__("linalg", "no_such", "d") is None
    monkeypatch.setattr(npyloops, "loop", lambda *_: None)
    a = numbers(np.float64, 18, 18)

    @hy.function
    def several(a):
        return np.linalg.svd(a)[1], np.linalg.inv(a), np.fft.rfft(a), np.linalg.eigvalsh(a)

    for got, want in zip(several(a), several.eager(a)):
        assert np.array_equal(got, want)
    assert str(several.explain()).count("runs as NumPy") >= 4
    monkeypatch.undo()
    monkeypatch.setattr(npyloops, "_MAJOR", "9")
    assert npyloops.loop.__wrapped__("linalg", "svd", "d") is None


def test_sizes_that_were_equal_while_tracing_may_differ():
    full = hy.function(lambda a: tuple(np.linalg.svd(a)))
    values = hy.function(lambda a: np.linalg.eigvalsh(a))
    fitted = hy.function(lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0])
    inverse = hy.function(lambda a: np.linalg.pinv(a))
    warnings.simplefilter("ignore", hy.FallbackWarning)
    for shape in ((10, 10), (4, 3), (3, 4), (7, 7), (9, 2)):
        a = numbers(np.float64, *shape)
        for got, want in zip(full(a), np.linalg.svd(a), strict=True):
            assert np.array_equal(got, want)
        np.testing.assert_allclose(inverse(a), np.linalg.pinv(a), rtol=1e-9, atol=1e-12)
        b = numbers(np.float64, shape[0])
        np.testing.assert_allclose(fitted(a, b), np.linalg.lstsq(a, b, rcond=None)[0], rtol=1e-9)
        with pytest.raises(np.linalg.LinAlgError, match="Incompatible dimensions"):
            fitted(a, np.ones(shape[0] - 1))
    for shape in ((5, 5, 5), (2, 3, 3), (3, 2, 2)):
        assert np.array_equal(values(numbers(np.float64, *shape)), np.linalg.eigvalsh(numbers(np.float64, *shape)))
    with pytest.raises(np.linalg.LinAlgError):
        values(np.ones((2, 3)))


def test_calls_with_more_than_a_loop_takes_stay_host_calls():
    given, operand = TensorType(dt.float64, (4, 4)), ("operand", 0, "ndarray")
    how = {"dtypes": (), "shapes": ((4,),), "kwargs": ("dict",)}
    assert lent(given, function="numpy.linalg.svdvals", args=("list", operand), **how) == "svd"
    assert lent(given, function="numpy.linalg.svdvals", args=("list", operand), **{**how, "shapes": ((3,),)}) is None
    assert lent(given, function="numpy.linalg.eigvalsh", args=("list", operand), **how) == "eigvalsh_lo"
    assert lent(given, function="numpy.linalg.eigvalsh", args=("list", operand, "X"), **how) is None
    assert lent(given, function="numpy.linalg.tensorinv", args=("list", operand), **how) is None
    assert lent(TensorType(dt.float16, (4, 4)), function="numpy.linalg.svdvals", args=("list", operand), **how) is None


@pytest.mark.parametrize("backend", ["python", "numba"])
def test_other_back_ends_call_the_ufunc(backend):
    def several(a, b):
        s = np.linalg.svd(a)[1]
        return s, np.linalg.lstsq(a, b, rcond=None)[0], np.linalg.eigvals(a + a.T), np.fft.rfft(b), np.linalg.pinv(a)

    decorated, a, b = hy.function(several, backend=backend, strict=True), numbers(np.float64, 5, 5), numbers(np.float64, 5)
    for got, want in zip(decorated(a, b), several(a, b), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)
