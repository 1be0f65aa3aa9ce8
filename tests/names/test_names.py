"""Names of NumPy, of SciPy's special functions and of `math`, compiled as a whole, and on eager tensors, against themselves."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import HybridError
from tests.names.table import differs, function, groups, operands, read, run

GROUPS = list(groups(read("cases.txt"), 24))


@pytest.mark.parametrize("k", range(len(GROUPS)))
def test_compiled(k, tmp_path):
    f, used = function(GROUPS[k], tmp_path, f"group{k}")
    got, want = run(f, used, operands(), strict=True)
    wrong = [f"{text}: {why}" for text, a, b in zip(GROUPS[k], got, want) if (why := differs(a, b))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text", read("refused.txt"))
def test_refused(text, tmp_path):
    """What does not compile says so, and gives the right result without `strict`."""
    f, used = function([text], tmp_path, "refused")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            want = f(*(copy.deepcopy(operands()[name]) for name in used))
            with pytest.raises(HybridError):
                hy.function(f, strict=True)(*(operands()[name] for name in used))
            got = hy.function(f)(*(copy.deepcopy(operands()[name]) for name in used))
        finally:
            warnings.simplefilter("default")
    assert str(got) == str(want)
