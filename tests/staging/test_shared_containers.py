"""One container that many lists, dicts and instances have: what one of them puts in, all of them see."""

from dataclasses import dataclass

import numpy as np
import pytest

import hybrid as hy
from tests.staging.conftest import same


class Holder:
    def __init__(self, x, held):
        self.x, self.held = x, held


@dataclass
class Record:
    x: float
    held: list


def given_to_instances(x):
    log, made = [], []
    for v in x:
        made.append(Holder(v, log))
    for one in made:
        one.held.append(one.x)
    return log


def given_with_items(x):
    log, made = [1.0, 2.0], []
    for v in x:
        made.append(Holder(v, log))
    for one in made:
        one.held.append(2.0)
    return len(log)


def given_twice_a_round(x):
    made = []
    for v in x:
        log = []
        made.append(Holder(v, log))
        log.append(v)
        made.append(Holder(v, log))
    for one in made:
        one.held.append(2.0)
    return [len(one.held) for one in made]


def given_to_records(x):
    log, made = [], []
    for v in x:
        made.append(Record(v, log))
    for one in made:
        one.held.append(2.0)
    return len(log)


def a_dict(x):
    known, made = {}, []
    for v in x:
        made.append(Holder(v, known))
    for one in made:
        one.held[1] = one.x
    return len(known)


def a_set(x):
    known, made = set(), []
    for v in x:
        made.append(Holder(v, known))
    for i, one in enumerate(made):
        one.held.add(i)
    return len(known)


def returned(x):
    log = [1, 2, 3]
    made = [Holder(v, log) for v in x]
    return sum(one.held[1] for one in made), all(one.held is log for one in made)


def in_a_comprehension(x):
    log = []
    lists = [log for _ in x]
    for one in lists:
        one.append(1.5)
    return lists, log, all(one is log for one in lists)


def in_tuples(x):
    log = []
    pairs = [(v, log) for v in x]
    for v, one in pairs:
        one.append(v)
    return len(log)


def in_a_dict(x):
    known = {}
    table = {float(v): known for v in x}
    for k in table:
        table[k][k] = 1
    return len(known), len(table)


def identities(x):
    made = [Holder(v, None) for v in x]
    return len({id(one) for one in made + made}), [id(one) == id(made[0]) for one in made]


def identities_of_lists(x):
    lists = [[v] for v in x]
    for one in lists:
        one.append(1.0)
    return len({id(one) for one in lists + lists})


def identities_of_records(x):
    seen = {}
    lists = [[float(v)] for v in x]
    for one in lists + lists[:2]:
        seen[id(one)] = 1
    return len(seen)


FUNCTIONS = [given_to_instances, given_with_items, given_twice_a_round, given_to_records, a_dict, a_set, returned]
FUNCTIONS += [in_a_comprehension, in_tuples, in_a_dict, identities, identities_of_lists, identities_of_records]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_shared(function):
    compiled = hy.function(function)
    for x in (np.arange(5.0), np.arange(5.0)[::-1].copy(), np.arange(12.0), np.ones(1), np.arange(30.0)):
        assert same(compiled(x), function(x)), len(x)
