"""New arrays lie in memory as NumPy would have laid them: the strides of results are those of undecorated code."""

import numpy as np
import pytest

from hybrid import function

RNG = np.random.default_rng(0)
ARRAYS = {
    "C": RNG.random((4, 5)),
    "Fortran": np.asfortranarray(RNG.random((4, 5))),
    "transposed": RNG.random((5, 4)).T,
    "stepped": np.asfortranarray(RNG.random((8, 5)))[::2],
    "permuted": RNG.random((2, 3, 4)).transpose(1, 0, 2),
}


def filled(a):
    b = np.zeros_like(a)
    for i in range(len(a)):
        b[i] = a[i] * i
    return b


def chosen(a):
    if a.sum() > 3:
        b = a * 2
    else:
        b = a + 1
    return b


def several(a):
    b = a * 3
    return b, b.T, (a - 1).T, {"sum": a.sum(), "turned": np.swapaxes(a + 1, 0, 1)}


PROGRAMS = {
    "mapped": lambda a: np.sin(a) + a,
    "turned": lambda a: (a * 2).T,
    "compared": lambda a: a > 0.5,
    "selected": lambda a: np.where(a > 0.5, a, 0),
    "copied": lambda a: a.copy(),
    "copied as asked": lambda a: np.copy(a, order="F"),
    "converted": lambda a: a.astype(np.float32),
    "sorted": lambda a: np.sort(a, axis=0),
    "totals": lambda a: np.cumsum(a, axis=0),
    "reduced": lambda a: a.sum(axis=0),
    "rolled": lambda a: np.roll(a, 1, axis=0),
    "gathered": lambda a: a[:, [0, 1]],
    "joined": lambda a: np.concatenate([a, a], axis=1),
    "stacked": lambda a: np.stack([a, a]),
    "flipped": lambda a: np.rot90(a * 1.5),
    "filled": filled,
    "chosen": chosen,
    "several": several,
    "array": lambda a: np.array(a),
    "array in Fortran order": lambda a: np.array(a * 2, dtype=np.float32, order="F"),
    "array in C order": lambda a: np.asarray(a, order="C"),
    "array with axes": lambda a: np.array(a[0, 0], ndmin=3),
}


def flat(x):
    if isinstance(x, dict):
        x = tuple(x.values())
    return [part for one in x for part in flat(one)] if isinstance(x, tuple) else [x]


@pytest.mark.parametrize("name", PROGRAMS)
def test_results_lie_as_undecorated(name):
    program = PROGRAMS[name]
    compiled = function(program, strict=True)
    for layout, a in ARRAYS.items():
        want = flat(program(a.copy(order="K") if a.base is None else a))
        for _ in range(3):
            for x, y in zip(want, flat(compiled(a)), strict=True):
                assert type(x) is type(y) and np.allclose(x, y), layout
                assert not isinstance(x, np.ndarray) or (x.strides == y.strides and x.dtype == y.dtype), layout


def test_machine_code_makes_arrays_in_fortran_order():
    compiled = function(lambda a: a * 2)
    for n in (3, 300):  # from the pool, too
        a = np.asfortranarray(np.ones((n, 40)))
        for _ in range(3):
            out = compiled(a)
        assert out.flags.f_contiguous and out.flags.owndata and (out == 2).all()


def test_an_array_without_a_copy():
    compiled = function(lambda a: np.array(a, copy=False, order="F"))
    a = np.asfortranarray(np.ones((2, 3)))
    assert compiled(a) is a
    with pytest.raises(ValueError, match="copy"):
        compiled(np.ones((2, 3)))
