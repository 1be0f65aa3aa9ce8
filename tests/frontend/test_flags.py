"""`x.flags` in decorated code says what it says undecorated."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy

X = np.arange(12.0).reshape(3, 4).tolist()


def orders(x):
    y = x.copy()
    parts = (x, x.T, x[1:], x[:, :2], np.broadcast_to(x, (2, *x.shape)), y.reshape(-1))
    return [(f.c_contiguous, f.f_contiguous, f.fnc, f.forc, f.aligned, f["C"], f["FORTRAN"]) for f in (p.flags for p in parts)]


def writing(x):
    seen = [(part.flags.writeable, part.flags.behaved, part.flags["CA"]) for part in (x, x[1:], x.copy(), x.T)]
    if x.flags.writeable:
        x[0] = 7
    return seen


def unknown(x):
    return x.flags["c_contiguous"]


def no_flag(x):
    return x.flags.nothing


def own(x):
    y = x * 2
    return y.flags.owndata, y[1:].flags.owndata, x.flags.num


def shut(x):
    y = x * 2
    y.flags.writeable = False
    y[0] = 1
    return y


def shut_by_name(x):
    y = x * 2
    y.flags["WRITEABLE"] = False
    return y


def text(x):
    return str(x.flags)


def compared(x):
    return x.flags == x.T.flags


def outcome(function, writeable):
    x = np.arange(12.0).reshape(3, 4)
    x.flags.writeable = writeable
    try:
        result = function(x)
    except Exception as error:
        return type(error), str(error), x.tolist()
    return repr(result), getattr(result, "flags", None) and result.flags.writeable, x.tolist()


@pytest.mark.parametrize("writeable", [True, False])
@pytest.mark.parametrize("function", [orders, writing, unknown, no_flag], ids=lambda f: f.__name__)
def test_what_is_known(function, writeable):
    assert outcome(hy.function(function, strict=True), writeable) == outcome(function, writeable)


@pytest.mark.parametrize("writeable", [True, False])
@pytest.mark.parametrize("function", [own, shut_by_name, text, compared], ids=lambda f: f.__name__)
def test_the_rest_is_pythons(function, writeable):
    compiled = hy.function(function)
    with pytest.warns(hy.FallbackWarning, match="flag"):
        first = outcome(compiled, writeable)
    assert first == outcome(compiled, writeable) == outcome(function, writeable)


def test_what_is_shut_is_not_written():
    assert outcome(hy.function(shut), True) == outcome(shut, True) == (ValueError, "assignment destination is read-only", X)
