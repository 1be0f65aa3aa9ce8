"""What is reported names a line of the user's, wherever in a library the reason was met."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import scipy.interpolate
import scipy.optimize

from hybrid.staging.function import function


def encodes(x):
    y = x * 2
    return json.dumps(y.tolist())  # here


def interpolates(x):
    f = scipy.interpolate.interp1d(x, x * 2)  # here
    return f(1.5)


def finds_a_root(x):
    return scipy.optimize.brentq(lambda t: t**3 - x[1], 0, 10) * x  # here


@pytest.mark.parametrize("program", [encodes, interpolates, finds_a_root])
def test_the_line_is_the_users(program):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        function(program)(np.arange(4.0) + 1)
    (message,) = [str(w.message) for w in said]
    assert "test_reported_lines.py" in message and "here" in message
