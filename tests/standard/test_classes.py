"""Every public function gives results of the same classes, dtypes and shapes compiled as it does eagerly."""

from __future__ import annotations

import types
import warnings

import numpy as np
import pytest

import hybrid as hy

X = hy.asarray(np.random.default_rng(0).uniform(0.1, 0.9, (3, 3)))
V, I, B = X[0], hy.asarray([1, 0, 2]), X > 0.5
ARGUMENTS = ((X,), (V,), (I,), (B,), (X, X), (V, V), (B, B), (X, I), (X, 1), (X, 0, 1), (X, (3, 3)), ([X, X],), (3,),
             (0.0, 1.0, 5), (B, X, 2.0), ("ij,jk->ik", X, X), (X, hy.float32), ((3,), 2.5), (V, 3, True))  # fmt: skip
_NOT_ARRAYS = frozenset((
    "function", "eager", "profile", "export", "register_pytree", "empty", "empty_like", "vmap", "grad", "value_and_grad",
    "jacobian", "hessian", "vjp", "jvp", "hvp", "linearize", "checkpoint", "custom_gradient", "check_grads", "grad_of", "op",
    "scan", "cond", "while_loop", "fori_loop", "no_grad", "enable_grad", "is_grad_enabled", "config",
))  # fmt: skip


def names():
    for prefix, space in (("", hy), ("linalg.", hy.linalg), ("fft.", hy.fft)):
        for name in getattr(space, "__all__", None) or vars(space):
            thing = getattr(space, name)
            here = space is not hy.fft or getattr(thing, "__module__", "") == hy.fft.__name__
            if callable(thing) and not isinstance(thing, (type, types.ModuleType)) and name not in _NOT_ARRAYS and here:
                yield prefix + name


def described(result):
    if isinstance(result, (tuple, list)):
        return type(result).__name__, [described(part) for part in result]
    return type(result).__name__, str(getattr(result, "dtype", "")), np.shape(result)


@pytest.mark.parametrize("name", [name for name in names() if not name.startswith("_")])
def test_compiled_results_are_of_the_same_class(name):
    function = hy
    for part in name.split("."):
        function = getattr(function, part)
    for args in ARGUMENTS:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                want = function(*args)
            except Exception:
                continue  # no arguments for this function
            got = hy.function(function)(*args)
        assert described(got) == described(want), args
