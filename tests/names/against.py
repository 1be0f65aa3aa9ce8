"""NumPy's names on many operands (dtypes, shapes, layouts, special values), to be compared eager and compiled with NumPy.

`expressions` makes the texts from tables; `operands` draws what the names in them stand for. A sweep goes through all of them,
the suite through a sample.
"""

from __future__ import annotations

import copy
import itertools
import random
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import hybrid as hy

DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
          "complex64", "complex128")  # fmt: skip
SHAPES = ((), (0,), (7,), (3, 4), (3, 0), (2, 3, 4))
LAYOUTS = ("C", "F", "strided", "reversed")
CONTENTS = ("plain", "special")
# NumPy's own results differ from one of its loops to another by about this much, in units of the last place.
ULPS = {"float16": 4, "float32": 64, "float64": 4096, "complex64": 256, "complex128": 8192}
_REDUCTIONS = ("sum", "prod", "max", "min", "mean", "std", "var", "all", "any", "ptp", "median", "nansum", "nanprod", "nanmax",
               "nanmin", "nanmean", "nanstd", "nanvar", "nanmedian", "argmax", "argmin", "nanargmax", "nanargmin",
               "count_nonzero", "average")  # fmt: skip
_AXES = ("", ", axis=0", ", axis=-1", ", axis=(0, -1)", ", axis=(0, 1)", ", axis=0, keepdims=True", ", keepdims=True",
         ", axis=5")  # fmt: skip
_MORE = {
    "sum": (", dtype=np.float32", ", initial=2", ", where=m", ", axis=0, where=m"),
    "prod": (", dtype=np.float64", ", initial=2", ", where=m"),
    "max": (", initial=3", ", initial=3, where=m", ", axis=0, initial=1"),
    "min": (", initial=3", ", initial=3, where=m"),
    "mean": (", dtype=np.float32", ", where=m", ", axis=0, where=m"),
    "std": (", ddof=1", ", axis=0, ddof=1", ", where=m"),
    "var": (", ddof=1", ", axis=-1, ddof=1", ", where=m"),
    "all": (", where=m",), "any": (", where=m", ", axis=0, where=m"),
    "nansum": (", dtype=np.float32",), "nanstd": (", ddof=1",), "nanvar": (", ddof=1", ", axis=0, ddof=1"),
    "average": (", axis=0, weights=np.arange(1, 1 + a.shape[0])", ", weights=w", ", weights=w, returned=True"),
}  # fmt: skip
_METHODS = ("linear", "lower", "higher", "nearest", "midpoint", "inverted_cdf", "averaged_inverted_cdf",
            "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased",
            "normal_unbiased")  # fmt: skip
_ORDERED = re.compile(r"np\.(?!add|multiply|maximum|minimum|logical|bitwise_(and|or|xor)|fmax|fmin|gcd|lcm)\w+\.reduce\(")
_EQUALS = re.compile(r"unique|union1d|setdiff1d|setxor1d|intersect1d|sort|partition|median|quantile|percentile|np\.(fmin|fmax)")
_OUT = ("np.add(a, b, out=o)", "np.sqrt(a, out=o)", "np.sum(a, axis=0, out=o[0])", "np.multiply(a, 2, out=o, where=m)",
        "np.cumsum(a, axis=0, out=o)", "np.round(a, 1, out=o)", "np.clip(a, 1, 2, out=o)", "np.less(a, b, out=m)",
        "np.mean(a, axis=0, out=o[0])", "np.take(a, [0], axis=0, out=o[:1])", "np.exp(a, out=o, where=m)")  # fmt: skip


def expressions() -> list[str]:
    """All of them: those of ufuncs and reductions made from their names, and those listed in `more.txt`."""
    made = []
    for name in sorted(name for name in dir(np) if isinstance(getattr(np, name), np.ufunc)):
        one: np.ufunc = getattr(np, name)
        if one.signature is not None:
            continue
        if one.nin == 1:
            made.append(f"np.{name}(a)")
        else:
            made += [f"np.{name}(a, b)", f"np.{name}(a, 2)", f"np.{name}(3, a)", f"np.{name}(a, b, where=m, out=o)"]
            if one.nout == 1:
                made += [f"np.{name}.{call}" for call in ("reduce(a)", "reduce(a, axis=None)", "accumulate(a)", "outer(a, b)",
                                                          "reduce(a, axis=-1, keepdims=True)")]  # fmt: skip
    for name in _REDUCTIONS:
        made += [f"np.{name}(a{rest})" for rest in (*_AXES, *_MORE.get(name, ()))]
    for name in ("quantile", "nanquantile"):
        made += [f"np.{name}(a, 0.3, method={method!r})" for method in _METHODS]
        made += [f"np.{name}(a, {rest})" for rest in ("[0.1, 0.9], axis=0", "0.5, axis=(0, 1), keepdims=True", "1.5",
                                                      "0.0", "1.0", "0.7, axis=-1, keepdims=True", "1",
                                                      "[[0.2, 0.4]]")]  # fmt: skip
        name = name.replace("quantile", "percentile")
        made += [f"np.{name}(a, {rest})" for rest in ("30", "[10, 90]", "50, axis=0", "33.3, method='hazen'", "101")]
    return [*made, *_OUT, *Path(__file__).with_name("more.txt").read_text(encoding="utf-8").splitlines()]


@dataclass(frozen=True)
class Operands:
    """How arrays are drawn."""

    dtype: str = "float64"
    shape: tuple[int, ...] = (3, 4)
    layout: str = "C"
    contents: str = "plain"

    def __str__(self) -> str:
        return f"{self.dtype}{list(self.shape)} {self.layout} {self.contents}"


def all_operands() -> Iterator[Operands]:
    for row in itertools.product(DTYPES, SHAPES, LAYOUTS, CONTENTS):
        if row[1] in ((), (0,), (7,)) and row[2] == "F":
            continue
        yield Operands(*row)


def _drawn(rng: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...], contents: str) -> np.ndarray:
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        out = rng.integers(0 if dtype.kind == "u" else -4, 6, shape).astype(dtype)
        some = np.array([np.iinfo(dtype).min, np.iinfo(dtype).max, 0], dtype)
    else:
        out = rng.normal(size=shape) * 3 + (1j * rng.normal(size=shape) if dtype.kind == "c" else 0)
        out = np.round(out, 1).astype(dtype)
        info = np.finfo(dtype)
        some = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, info.max, info.tiny], dtype)
    if contents == "special" and out.size:
        out = np.where(rng.random(shape) < 0.5, rng.choice(some, shape), out).astype(dtype)
    return out


def drawn(how: Operands, seed: int = 0) -> dict[str, Any]:
    """Two arrays a and b, a mask, weights, and an array for results."""
    rng, dtype = np.random.default_rng(seed), np.dtype(how.dtype)

    def laid(array: np.ndarray) -> np.ndarray:
        if how.layout == "F":
            return np.asfortranarray(array)
        if array.ndim and how.layout == "strided":
            wide = np.repeat(array, 2, axis=-1)
            return wide[..., ::2]
        if array.ndim and how.layout == "reversed":
            return np.ascontiguousarray(array[..., ::-1])[..., ::-1]
        return np.array(array)

    a, b = (laid(np.asarray(_drawn(rng, dtype, how.shape, how.contents))) for _ in "ab")
    return {"a": a, "b": b, "m": np.asarray(rng.random(how.shape) < 0.6), "w": np.asarray(rng.integers(1, 5, how.shape) * 1.0),
            "o": np.zeros(how.shape, dtype)}  # fmt: skip


def _same_numbers(got: np.ndarray, want: np.ndarray) -> bool:
    if want.dtype.kind not in "fc":
        return np.array_equal(got, want)
    if want.dtype.kind == "c":
        size = np.abs(want)
        apart = _same_parts(got.real, want.real, size) and _same_parts(got.imag, want.imag, size)
        return apart or bool(np.all((np.abs(got - want) <= size * np.finfo(want.dtype).eps * ULPS[want.dtype.name])
                                    | (~np.isfinite(want) & ~np.isfinite(got)) | (got == want)))  # fmt: skip
    return _same_parts(got, want, np.abs(want))


def _same_parts(got: np.ndarray, want: np.ndarray, size: np.ndarray) -> bool:
    eps = float(np.finfo(want.dtype).eps)
    scale = float(np.max(size[np.isfinite(size)], initial=0.0))
    a, b = got.astype(np.float64), want.astype(np.float64)
    near = np.abs(a - b) <= ULPS[want.dtype.name] * eps * max(scale, eps)
    return bool(
        np.all((a == b) & ((a != 0) | (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b)) | ((a != b) & near))
    )


def differs(got: Any, want: Any) -> str:
    """In what two results differ: class, dtype, shape or values; nothing if they do not."""
    if type(got) is not type(want):
        return f"{type(got).__name__} {got!s:.60} instead of {type(want).__name__} {want!s:.60}"
    if isinstance(want, (tuple, list)):
        if len(got) != len(want):
            return f"{len(got)} parts instead of {len(want)}"
        return next(filter(None, map(differs, got, want)), "")
    if isinstance(want, (np.ndarray, np.generic)):
        if (got.dtype, got.shape) != (want.dtype, want.shape):
            return f"{got.dtype}{list(got.shape)} instead of {want.dtype}{list(want.shape)}"
        if isinstance(want, np.ndarray) and _is_packed(want) and _order(got) != _order(want):
            return f"strides {got.strides} instead of {want.strides}"
        with np.errstate(all="ignore"):
            same = _same_numbers(np.asarray(got), np.asarray(want))
        return "" if same else f"{got!r} instead of {want!r}"
    return "" if got == want or (got != got and want != want) or _near(got, want) else f"{got!r} instead of {want!r}"


def sampled(seed: int, count: int, at_once: int) -> Iterator[tuple[Operands, list[str]]]:
    """Expressions drawn at random, some at a time, each time on operands drawn at random."""
    rng, texts, kinds = random.Random(seed), expressions(), list(all_operands())
    for _ in range(count):
        yield rng.choice(kinds), rng.sample(texts, at_once)


def _near(got: Any, want: Any) -> bool:
    return isinstance(want, (float, complex)) and _same_numbers(np.asarray(got), np.asarray(want))


def _order(x: np.ndarray) -> list[tuple[int, int]]:
    return [(size, step) for size, step in zip(x.shape, x.strides) if size != 1]


def _unsigned(result: Any) -> Any:
    """A result with one zero: of elements that are equal NumPy's sorts keep any."""
    if isinstance(result, (tuple, list)):
        return tuple(map(_unsigned, result))
    with np.errstate(all="ignore"):
        return result + result.dtype.type(0) if getattr(getattr(result, "dtype", None), "kind", "") in ("f", "c") else result


def _is_packed(x: np.ndarray) -> bool:
    """Whether an array has elements, all next to each other: a new one, not a view of a larger."""
    axes = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    return x.size > 0 and x.transpose(axes).flags.c_contiguous


def plain(value: Any) -> Any:
    """A result of eager tensors as NumPy's would be: tensors as arrays, NumPy's numbers as arrays, too."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(plain, value))
    if isinstance(value, (tuple, list)):
        return type(value)(map(plain, value))
    return np.asarray(value) if isinstance(value, (hy.Tensor, np.generic)) else value


def outcome(f: Callable, given: dict[str, Any]) -> tuple[Any, Any]:
    """What a function gives and leaves in its arguments; the class of what it raises."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return f(*given.values()), tuple(given.values())
        except Exception as error:
            return type(error), None


def of_text(texts: Sequence[str], folder: Path, names: Sequence[str] = "abmwo") -> Callable:
    """A function of arguments of these names, with source, that gives the values of expressions."""
    lines = [
        "import numpy as np",
        "",
        "",
        f"def f({', '.join(names)}):",
        "    return (",
        *(f"        {text}," for text in texts),
        "    )",
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".py", dir=folder, delete=False, encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    space: dict[str, Any] = {}
    exec(compile("\n".join(lines) + "\n", file.name, "exec"), space)
    return space["f"]


def applies(text: str, how: Operands) -> bool:
    """Whether NumPy says what an expression gives for such operands.

    Its `cumsum` crashes on an `out` of rank 0, its `bincount` writes beyond its memory where an integer is the greatest of 64
    bits and asks for gigabytes where it is that of 32, and it folds an axis with negative steps from the end.
    """
    if "bincount" in text and how.contents == "special" and np.dtype(how.dtype).itemsize >= 4:
        return False
    if len(how.shape) < (2 if "out=o[0]" in text else "out=" in text):
        return False
    return not (how.layout == "reversed" and _ORDERED.match(text))


def compare_eager(text: str, how: Operands, folder: Path) -> str:
    """In what an expression of eager tensors differs from NumPy's."""
    if not applies(text, how):
        return ""
    f = of_text([text], folder)
    want = outcome(f, drawn(how))
    got = outcome(f, {name: hy.asarray(x) for name, x in drawn(how).items()})
    return _compared(plain(got), plain(want))


def compare_compiled(texts: Sequence[str], how: Operands, folder: Path) -> dict[str, str]:
    """In what expressions differ from NumPy's in a decorated function; those that do not raise share one."""
    found: dict[str, str] = {}
    texts = [text for text in texts if applies(text, how)]
    wants = {text: outcome(of_text([text], folder), drawn(how)) for text in texts}
    fine = [text for text in texts if not isinstance(wants[text][0], type) and "out=" not in text and not _writes(text)]
    whole = hy.function(of_text(fine, folder)) if fine else None
    for _ in range(2 if fine else 0):
        got = outcome(whole, drawn(how))  # type: ignore[arg-type]
        if isinstance(got[0], type):
            found["; ".join(fine)] = f"raises {got[0].__name__}"
            break
        for text, part in zip(fine, got[0], strict=True):
            want = wants[text][0][0]
            if why := differs(part, want) if not _EQUALS.search(text) else differs(_unsigned(part), _unsigned(want)):
                found[text] = why
    for text in texts:
        if text not in fine:
            f = hy.function(of_text([text], folder))
            for _ in range(2):
                if why := _compared(outcome(f, drawn(how)), wants[text]):
                    found[text] = why
    return found


def _writes(text: str) -> bool:
    return text.startswith(("a.sort", "a.fill", "np.put"))


def _compared(got: tuple, want: tuple) -> str:
    if isinstance(want[0], type) or isinstance(got[0], type):
        same = isinstance(got[0], type) and isinstance(want[0], type) and issubclass(got[0], want[0])
        return "" if same else f"{got[0]!s:.80} instead of {want[0]!s:.80}"
    return differs(copy.copy(got[0]), want[0]) or differs(got[1], want[1])
