"""`out=` of other shapes and dtypes: written, refused and returned as undecorated, by functions and methods alike."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import hybrid as hy

CALLS = (
    """
np.add(x, y, out=o) np.sin(x, out=o) np.add(x, v, out=o) np.add(x, y, out=o, where=x > 0) np.greater(x, y, out=o)
np.sum(x, axis=0, out=o) x.sum(0, None, o) np.sum(x, out=o) np.sum(x, axis=0, keepdims=True, out=o) np.mean(x, axis=0, out=o)
np.var(x, axis=0, out=o) np.std(x, axis=0, out=o) np.ptp(x, axis=0, out=o) np.prod(x, axis=0, out=o) x.min(axis=0, out=o)
np.any(x > 0, axis=0, out=o) np.nansum(x, axis=0, out=o) np.nanmean(x, axis=0, out=o) np.nanstd(x, axis=0, out=o)
np.median(x, axis=0, out=o) np.quantile(x, 0.3, axis=0, out=o) np.argmax(x, axis=0, out=o) x.argmin(axis=1, out=o)
np.cumsum(x, axis=0, out=o) np.cumsum(v, out=o) np.cumprod(x, axis=1, out=o) np.add.accumulate(x, axis=0, out=o)
np.add.reduce(x, axis=0, out=o) np.clip(x, -1, 1, out=o) np.round(x, 1, out=o) np.take(v, [3, 1, 2, 0], out=o)
np.dot(x, v, out=o) np.matmul(x, y.T, out=o) np.matmul(o, o.T, out=o) np.einsum("ij,j->i", x, v, out=o) np.trace(x, out=o)
np.choose([0, 1, 0, 1], [v, v * 2], out=o) np.concatenate([x, y], out=o) np.stack([v, v], out=o) np.fft.fft(x, out=o)
np.multiply(o[::-1], 2, out=o) np.add(o[1:], 1, out=o[:-1]) np.sum(o, axis=0, out=o[0]) np.copyto(o, x, where=x > 0)
""".strip()
    .replace("\n", " ")
    .replace(") np.", ")\nnp.")
    .replace(") x.", ")\nx.")
    .splitlines()
)

OUT = {
    "as x": lambda: np.full((3, 4), 7.0),
    "a row": lambda: np.full(4, 7.0),
    "a column": lambda: np.full(3, 7.0),
    "a number": lambda: np.array(7.0),
    "larger": lambda: np.full((2, 3, 4), 7.0),
    "square": lambda: np.full((3, 3), 7.0),
    "one row": lambda: np.full((1, 4), 7.0),
    "floats": lambda: np.full((3, 4), 7, np.float32),
    "integers": lambda: np.full((3, 4), 7),
    "row of integers": lambda: np.full(4, 7),
    "complex": lambda: np.full((3, 4), 7j),
    "row of booleans": lambda: np.full(4, True),
    "in steps": lambda: np.full((6, 8), 7.0)[::2, ::2],
    "backwards": lambda: np.full((3, 4), 7.0)[::-1, ::-1],
    "a list": lambda: [1.0, 2.0],
}


def outcome(function, make, given):
    o = make()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            made = function(*(x.copy() for x in given), o)
            said = "o" if made is o else repr(made)
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
    kinds = sorted(w.category.__name__ for w in heard if not issubclass(w.category, hy.FallbackWarning))
    return said, repr(o), repr(getattr(o, "base", None)), kinds


@pytest.mark.parametrize("call", CALLS)
def test_out_of_other_shapes_and_dtypes(call):
    rng = np.random.default_rng(0)
    given = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.normal(size=4)
    plain = eval(f"lambda x, y, v, o: {call}", {"np": np})
    compiled = hy.function(plain)
    for name, make in OUT.items():
        if name == "a number" and ("cum" in call or "accumulate" in call):
            continue  # NumPy itself crashes
        wanted = outcome(plain, make, given)
        for _ in range(2):
            assert outcome(compiled, make, given) == wanted, name
