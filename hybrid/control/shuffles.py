"""Shuffles, permutations and choices of NumPy's generators, written out: they are converted as a user's functions are.

Each draws what NumPy's method draws, in the same order. That is not promised: so it is tried on generators of the same kind,
and where they disagree the method is called. What is raised here, Python raises itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.frontend.draws import GENERATORS, interval, known_while_tracing
from hybrid.frontend.integers import is_traced_integer
from hybrid.frontend.values import Value, shape_of
from hybrid.ir import trace as tr
from hybrid.ops.draw import bits_of

MANY, PART = 10_000, 50  # of more than so many, a part that is larger than one in so many is shuffled to the end


def shuffle(rng: Any, x: Any) -> None:
    """Rows, or numbers, in another order."""
    for i in range(len(x) - 1, 0, -1):
        j = interval(rng, i + 1)
        if x.ndim == 1:
            kept = x[i]
            x[i] = x[j]
        else:
            kept = x[i].copy()
            x[i] = x[j].copy()
        x[j] = kept


def permutation(rng: Any, x: Any) -> Any:
    """The integers below one, or rows of a new array, in any order."""
    if np.ndim(x) == 0:
        order = np.arange(x)
        shuffle(rng, order)
        return order
    if x.ndim == 1:
        out = x.copy()
        shuffle(rng, out)
        return out
    order = np.arange(len(x))
    shuffle(rng, order)
    return x[order]


def choice(rng: Any, a: Any, size: Any, replace: bool, p: Any) -> Any:
    """Some of the integers below one, or of the rows of an array."""
    count = a if np.ndim(a) == 0 else len(a)
    if p is not None:
        places = by_shares(rng, size, p, count)
    elif not replace:
        places = different(rng, count, size)
    elif isinstance(rng, np.random.Generator):
        places = rng.integers(0, count, size=size)
    else:
        places = rng.randint(0, count, size=size)
    if np.ndim(a):
        return a[places]
    return int(places) if size is None else places


def by_shares(rng: Any, size: Any, p: Any, count: Any) -> Any:
    """Places drawn with these probabilities."""
    p = np.asarray(p, dtype=np.float64)
    if len(p) != count or not p.min() >= 0.0 or abs(p.sum() - 1.0) > 1e-9:
        raise ValueError("probabilities do not sum to 1")
    ends = p.cumsum()
    ends = ends / ends[-1]
    draw = rng.random if isinstance(rng, np.random.Generator) else rng.random_sample
    return np.searchsorted(ends, draw() if size is None else draw(size), side="right")


def different(rng: Any, count: Any, size: Any) -> Any:
    """Different integers: the first of a shuffled order, or (Floyd) drawn one by one, another in place of one drawn before."""
    many = 1 if size is None else size
    if many > count:
        raise ValueError("Cannot take a larger sample than population when replace is False")
    if not isinstance(rng, np.random.Generator):
        order = np.arange(count)
        shuffle(rng, order)
        return order[0] if size is None else order[:many].copy()
    if count > MANY and many > count // PART:
        order = np.arange(count)
        to_the_end(rng, order, max(count - many, 1))
        return order[count - 1] if size is None else order[count - many :].copy()
    drawn, taken = np.empty(many, dtype=np.int64), np.zeros(count, dtype=np.bool_)
    for j in range(count - many, count):
        place: Any = rng.integers(0, j + 1)
        if taken[place]:
            place = j
        taken[place] = True
        drawn[j - count + many] = place
    to_the_end(rng, drawn, 1)
    return drawn[0] if size is None else drawn


def to_the_end(rng: Any, order: Any, first: Any) -> None:
    """Numbers, the last of them in any order, those from `first` on."""
    for i in range(len(order) - 1, first - 1, -1):
        j = rng.integers(0, i + 1)
        kept = order[i]
        order[i] = order[j]
        order[j] = kept


WRITTEN: dict[str, Callable] = {"shuffle": shuffle, "permutation": permutation, "choice": choice}
_NAMES = {"shuffle": ("x",), "permutation": ("x",), "choice": ("a", "size", "replace", "p")}
_DEFAULTS = {"size": None, "replace": True, "p": None}
_USUAL = {"axis": 0, "shuffle": True}  # what else they take


def is_written(function: Any) -> bool:
    """Whether a method of a generator is one of these."""
    return isinstance(getattr(function, "__self__", None), GENERATORS) and function.__name__ in WRITTEN


def prepared(function: Any, args: tuple, kwargs: dict[str, Any]) -> tuple | None:
    """The arguments of the written-out function for a call; None where the method is called."""
    rng, name, trace = function.__self__, function.__name__, tr.current()
    given = {**dict(zip(_NAMES[name], args)), **kwargs}
    if trace is None or len(args) > len(_NAMES[name]) or known_while_tracing(trace, rng, (*args, *kwargs.values())):
        return None
    if any(_USUAL.get(key, _MISSING) != given.pop(key) for key in [*given] if key not in _NAMES[name]):
        return None
    values = [given.get(key, _DEFAULTS.get(key, _MISSING)) for key in _NAMES[name]]
    kind: Any = type(rng)
    bits: Any = type(bits_of(rng))
    if any(value is _MISSING for value in values) or not _fits(name, kind, *values) or not _agrees(kind, bits, name):
        return None
    return rng, *values


_MISSING = object()


def _fits(name: str, kind: type, x: Any, size: Any = None, replace: Any = True, p: Any = None) -> bool:
    whole = type(x) in (int, np.int64) or is_traced_integer(x)
    array = isinstance(x, Value) or (isinstance(x, np.ndarray) and dt.supported(x.dtype))
    array = array and bool(shape_of(x))
    if name == "shuffle" or not (whole or array):
        return name == "shuffle" and array
    if type(replace) is not bool or not (size is None or type(size) in (int, np.int64) or is_traced_integer(size)):
        return False
    if array and kind is np.random.RandomState and len(shape_of(x)) != 1:
        return False
    if p is not None:
        return replace and isinstance(p, (Value, np.ndarray, list, tuple)) and _is_row(p)
    return True


def _is_row(p: Any) -> bool:
    return len(shape_of(p)) == 1 if isinstance(p, (Value, np.ndarray)) else len(p) > 0 and not any(map(shape_of, p))


@cache
def _agrees(kind: Any, bits: Any, name: str) -> bool:
    """Whether a method draws what is written here, and gives it in the same form: tried on a thread that traces nothing."""
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(_tried(name, kind(bits(77)), kind(bits(77)))))
    thread.start()
    thread.join()
    return found == [True]


def _tried(name: str, method: Any, written: Any) -> bool:
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    calls: dict[str, list[tuple]] = {
        "shuffle": [(np.arange(30.0),), (np.arange(24).reshape(8, 3),), (np.arange(1),)],
        "permutation": [(20,), (np.arange(9.0),), (np.arange(24).reshape(8, 3),)],
        "choice": [(7, 5, True, None), (np.arange(9.0), None, True, None), (4, 6, True, shares), (shares, None, True, shares),
                   (40, 25, False, None), (40, 3, False, None), (20_000, 900, False, None), (np.arange(5), None, False, None)],
    }  # fmt: skip
    for given in 3 * calls[name]:
        first, second = ([x.copy() if isinstance(x, np.ndarray) else x for x in given] for _ in range(2))
        a, b = getattr(method, name)(*first), WRITTEN[name](written, *second)
        if not np.array_equal(a, b) or type(a) is not type(b) or not np.array_equal(first[0], second[0]):
            return False
    return method.random() == written.random()
