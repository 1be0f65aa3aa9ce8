"""Parts of lists of which only a run knows what is in them: with ends beyond the list, with steps, backwards."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hybrid.staging.function import function
from tests.staging.test_selections import alike

ENDS = (None, 0, 2, 40, -1, -3, -40)
SLICES = [slice(*ends, step) for ends in itertools.product(ENDS, ENDS) for step in (1, 2, 3, -1, -2, -7)]


def _positive(x):
    xs = []
    for v in x:
        if v > 0:
            xs.append((float(v), int(v)))
    return xs


@pytest.mark.parametrize("some", [SLICES[k::6] for k in range(6)])
@pytest.mark.parametrize("count", [0, 1, 17])
def test_every_slice_is_pythons(some, count):
    def parts(x):
        xs = _positive(x)
        return [xs[part] for part in some]

    alike(parts, np.arange(-4.0, count + 1.0))


def computed_ends(x):
    xs = [float(v) for v in x if v > 0]
    k = len(xs) // 2
    return xs[k::2], xs[:k:-1], xs[-k::3], sum(xs[::2])


def changed_afterwards(x):
    xs = [float(v) for v in x if v > 0]
    odd = xs[1::2]
    for v in x:
        odd.append(v)
    odd[0] = 7.0
    return xs, odd


def of_a_queue(x):
    xs = [float(v) for v in x if v > 0]
    while len(xs) > 6:
        xs.pop(0)
    return xs[::2], xs[-2::-2]


@pytest.mark.parametrize("f", [computed_ends, changed_afterwards, of_a_queue])
def test_parts_with_steps(f):
    alike(f, np.arange(-4.0, 19.0))


def test_parts_of_a_given_list_with_steps():
    def parts(xs, k):
        kept = xs[int(k[0]) :: 3]
        for v in k:
            kept.append(float(v))
        return kept, xs[int(k[1]) :: -4]

    compiled = function(parts, strict=True)
    for count in (20, 31):
        xs, k = [float(v) for v in range(count)], np.array([3, -2])
        assert compiled(list(xs), k) == parts(list(xs), k)
