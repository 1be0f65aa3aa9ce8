"""Methods, properties and operators of users' classes that are replaced after a trace has looked into them."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.staging.function import function


def made():
    class Base:
        def scaled(self, x):
            return x * 2

        def __call__(self, x):
            return x + 1

        def __getitem__(self, k):
            return 3.0 * k

        def __len__(self):
            return 2

        def __add__(self, x):
            return x + 10

        def __contains__(self, k):
            return k == 3

        @property
        def gain(self):
            return 4.0

    class Derived(Base):
        pass

    return Base, Derived


def each(x, objects):
    for one in objects:
        x = one.scaled(x) * one.gain
    return x


PROGRAMS = {
    "scaled": (each, lambda self, x: x - 1),
    "gain": (each, property(lambda self: 0.5)),
    "__call__": (lambda x, o: o[0](x), lambda self, x: -x),
    "__getitem__": (lambda x, o: x * o[1][2], lambda self, k: 7.0),
    "__len__": (lambda x, o: x * len(o[1]), lambda self: 5),
    "__add__": (lambda x, o: o[0] + x, lambda self, x: x + 20),
    "__contains__": (lambda x, o: x if 3 in o[1] else -x, lambda self, k: False),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_members_that_are_replaced_are_noticed(name):
    program, other = PROGRAMS[name]
    base, derived = made()
    objects, x = [derived(), base()], np.arange(3.0)
    compiled = function(lambda x: program(x, objects), strict=True)
    before = getattr(base, name) if name != "gain" else vars(base)[name]
    for where, member in ((None, None), (base, other), (base, before), (derived, other)):
        if where is not None:
            setattr(where, name, member)
        for _ in range(2):
            assert np.array_equal(compiled(x), program(x, objects))
    delattr(derived, name)
    assert np.array_equal(compiled(x), program(x, objects))
