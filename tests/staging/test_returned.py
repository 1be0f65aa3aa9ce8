"""What is returned is the argument where Python returns it, and a new array where that is one."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque

import numpy as np
import pytest

import hybrid as hy


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("limit", [100.0, 0.0, -1.0])
def test_an_argument_that_rounds_leave_alone_is_what_returns(limit):
    """Whether a round rebinds it only a run knows: a result that holds what the argument holds may be that."""

    def doubled(u, limit):
        n = 0
        while n < 7:
            if u.sum() > limit:
                break
            u = u * 2
            n += 1
        return u, n

    def stepped(u, limit):
        for _ in range(9):
            if u[0] < limit:
                u = u + 1
        return u

    for f in (doubled, stepped):
        decorated = hy.function(f)
        for values in ([1.0, 2.0, 4.0], [0.0, 3.0, np.nan], [0.0, 0.0, 0.0]):
            for _ in range(2):
                x, y = np.array(values), np.array(values)
                want, got = f(x, limit), decorated(y, limit)
                want, got = (out[0] if isinstance(out, tuple) else out for out in (want, got))
                np.testing.assert_array_equal(got, want)
                assert (got is y) == (want is x)


def test_known_containers_of_every_kind_are_new_in_each_call():
    def f(x):
        return x.sum(), Counter(), {"a", "b"}, deque([1, 2], 5), OrderedDict(a=1), defaultdict(int, b=2)

    strict = hy.function(f, strict=True)
    for _ in range(2):
        first, second = strict(np.ones(3)), strict(np.ones(3))
        assert repr(first) == repr(f(np.ones(3)))
        assert not any(a is b for a, b in zip(first[1:], second[1:]))
