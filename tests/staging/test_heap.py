"""While a function is traced, collections are rare; afterwards they are as they were."""

import gc

import numpy as np
import pytest

import hybrid as hy
from hybrid.core import heap
from hybrid.staging import convert


@pytest.fixture(autouse=True)
def usual():
    before = gc.get_threshold()
    gc.set_threshold(701, 11, 12)
    yield
    gc.set_threshold(*before)


def test_collections_are_rare_while_a_function_is_traced(monkeypatch):
    seen = []
    monkeypatch.setattr(
        convert, "_converted", lambda *given, made=convert._converted: seen.append(gc.get_threshold()) or made(*given)
    )
    assert hy.function(lambda x: x * 2)(np.ones(3)).tolist() == [2.0] * 3
    assert set(seen) == {(heap.YOUNG, 11, 12)} and gc.get_threshold() == (701, 11, 12)


def test_they_are_as_before_where_tracing_fails():
    with pytest.raises(ZeroDivisionError):
        hy.function(lambda x: x / 0 if x is None else 1 / 0)(np.ones(3))
    assert gc.get_threshold() == (701, 11, 12)


@pytest.mark.parametrize("set_by_hand", [(0, 10, 10), (heap.YOUNG + 1, 10, 10)])
def test_what_is_rarer_already_stays(set_by_hand):
    gc.set_threshold(*set_by_hand)
    with heap.seldom():
        assert gc.get_threshold() == set_by_hand
    assert gc.get_threshold() == set_by_hand


def test_the_last_of_several_sets_them_back_unless_somebody_else_did():
    with heap.seldom():
        with heap.seldom():
            pass
        assert gc.get_threshold() == (heap.YOUNG, 11, 12)
    assert gc.get_threshold() == (701, 11, 12)
    with heap.seldom():
        gc.set_threshold(5, 6, 7)
    assert gc.get_threshold() == (5, 6, 7)
