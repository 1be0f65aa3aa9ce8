"""Doctests know `np` and `hy`, as the pages of the reference say; modules for libraries that are not installed have none."""

from importlib.util import find_spec

import numpy as np
import pytest

import hybrid as hy

collect_ignore = [] if find_spec("einops") else ["hybrid/einops.py"]


@pytest.fixture(autouse=True, scope="session")
def names_of_doctests(doctest_namespace):
    doctest_namespace.update(np=np, hy=hy)
