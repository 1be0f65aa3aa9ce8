"""What a function under `vmap` keeps of all examples: nothing, and everything is as it was."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import TraceError

KEPT = 0.0
X = np.arange(6.0).reshape(3, 2)


class Model:
    made = 0.0

    def __init__(self):
        self.t, self.m, self.log, self.table = 0.0, np.zeros(2), [1.0], {"a": 2.0}
        self.last = deque([1.0, 2.0], maxlen=2)


class Slots:
    __slots__ = ("t", "u")

    def __init__(self):
        self.t = 0.0


def programs():
    a, slots, kept = Model(), Slots(), 0.0

    def overwritten(x):
        a.t = x.sum()
        return x * a.t

    def added(x):
        a.t += x.sum()
        return x

    def new(x):
        a.cache = (x, [x.sum()])
        return x

    def in_slots(x):
        slots.u = x
        slots.t = x.sum()
        return x

    def logged(x):
        a.log.append(x.sum())
        a.last.append(x)
        return x

    def in_a_dict(x):
        a.table["b"] = a.table["a"] = x.max()
        return x

    def in_a_list(x):
        a.fresh = [x * 2]
        return x

    def of_a_class(x):
        Model.made = x.sum()
        return x

    def of_a_closure(x):
        nonlocal kept
        kept = x.sum()
        return x

    def of_a_global(x):
        global KEPT
        KEPT = x.sum()
        return x

    def raising(x):
        a.t = x.sum()
        raise ValueError("no")

    found = {f.__name__: f for f in locals().values() if callable(f) and f is not a}
    return found, lambda: (dict(vars(a)), list(a.log), dict(a.table), list(a.last), hasattr(slots, "u"), slots.t, kept, KEPT,
                           Model.made)  # fmt: skip


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("name", sorted(programs()[0]))
def test_nothing_is_kept(name):
    for decorate in (lambda f: f, hy.function):
        found, state = programs()
        before = state()
        with pytest.raises(ValueError if name == "raising" else TraceError):
            decorate(hy.vmap(found[name]))(X)
        np.testing.assert_equal(state(), before)


def test_what_is_the_same_for_all_examples_is_kept():
    a = Model()

    def f(x):
        a.t, a.m = 3.0, np.ones(2)
        return x * a.t + a.m

    np.testing.assert_array_equal(hy.vmap(f)(X), 3 * X + 1)
    assert a.t == 3.0 and a.m.tolist() == [1.0, 1.0]


def test_the_error_says_where():
    with pytest.raises(TraceError, match=r"keeps values of all examples: in Model\.t"):
        hy.vmap(programs()[0]["overwritten"])(X)
