"""Lists that stand in dicts and lists, looked up where they may be missing, and copied."""

from __future__ import annotations

import warnings
from collections import defaultdict

import numpy as np
import pytest

import hybrid as hy
from tests.staging.conftest import same as equal
from tests.staging.test_selections import alike

PLACES = np.random.default_rng(5).random((20, 2)) * 5
quietly = pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")


def test_no_items_where_a_key_is_missing():
    def pairs(pos, n):
        cells = {}
        for i, p in enumerate(pos):
            cells.setdefault((int(p[0]), int(p[1])), []).append(i)
        total, seen = 0, []
        for i, p in enumerate(pos):
            a, b = int(p[0]), int(p[1])
            for da in (-1, 0, 1):
                for db in (-1, 0, 1):
                    other = cells.get((a + da, b + db), [])
                    for j in other:
                        if j > i:
                            total += 1
                            seen.append((i, j))
                    if not other:
                        total += 1000
                    total += len(other)
        return total, seen

    alike(pairs, PLACES, 6)


@pytest.mark.parametrize("default", ([], (), None))
def test_what_is_asked_of_a_list_that_may_be_missing(default):
    def asked(x, n):
        cells = defaultdict(list)
        for v in x:
            cells[int(v)].append(float(v))
        out = np.zeros((n, 4))
        for k in range(n):
            found = cells.get(k, default)
            if found:
                out[k, 0] = found[0]
                out[k, 1] = sum(found)
                out[k, 2] = max(found)
                for v in sorted(found):
                    out[k, 3] = out[k, 3] * 0.5 + v
            if found is None:
                out[k, 0] = -1
        return out

    alike(asked, PLACES[:, 0], 8)


@quietly
def test_a_default_that_is_changed_is_pythons():
    def changed(x, n):
        cells = {}
        for v in x:
            cells.setdefault(int(v), []).append(1)
        total, empty = 0, []
        for k in range(n):
            found = cells.get(k, empty)
            found.append(k)
            total += len(found)
        return total, empty

    def later(x, n):
        cells = {}
        for v in x:
            cells.setdefault(int(v), []).append(1)
        total, empty = 0, []
        found = cells.get(77, empty)
        for k in range(n):
            empty.append(k)
            total += len(found)
        return total, found

    alike(changed, PLACES[:, 0], 8, strict=False)
    alike(later, PLACES[:, 0], 8, strict=False)


def test_a_copy_of_a_list_in_a_list_is_another_list():
    def ordered(edges, n):
        near = [[] for _ in range(n)]
        for a, b in edges:
            near[a].append(b)
            near[b].append(a)
        out = []
        for u in range(n):
            for v in sorted(near[u]):
                out.append(v)
            back = list(near[u])
            back.reverse()
            out.extend(back)
            for v in near[u]:  # in the order they came
                out.append(v)
            out.append(np.array(near[u]).sum() * len(near[u]))
        return out

    alike(ordered, np.random.default_rng(0).integers(0, 6, (14, 2)), 6)


def test_lists_that_grow_together_are_known_to_grow_together():
    def decoded(x, keys_of, values_of, steps):
        keys, values, outs = [], [], []
        for _ in range(steps):
            keys.append(x @ keys_of)
            values.append(x @ values_of)
            x = np.tanh((np.stack(keys) @ x) @ np.stack(values))
            outs.append(x)
        return np.array(outs)

    rng = np.random.default_rng(1)
    args = rng.normal(size=4), rng.normal(size=(4, 4)), rng.normal(size=(4, 4)), 6
    np.testing.assert_allclose(hy.function(decoded, strict=True)(*args), decoded(*args), rtol=1e-12)


def test_arrays_are_values_of_dicts():
    def means(labels, x):
        out = {}
        for c in np.unique(labels):
            out[int(c)] = x[labels == c].mean(axis=0)
        return out

    def grouped(labels, x):
        groups = {}
        for k, row in zip(labels, x):
            groups.setdefault(int(k), []).append(row)
        return {k: np.mean(v, axis=0) for k, v in groups.items()}

    def summed(labels, x):
        total = {}
        for k, row in zip(labels, x):
            total[int(k)] = total.get(int(k), np.zeros(x.shape[1])) + row
        return total, sum(v.sum() for v in total.values())

    def added_in_place(labels, x):
        total = {}
        for k, row in zip(labels, x):
            if int(k) in total:
                total[int(k)] += row
            else:
                total[int(k)] = row.copy()
        total[int(labels[0])][0] = 100.0
        return total

    def views(labels, x):
        last = {}
        for k, row in zip(labels, x):
            last[int(k)] = row
        x[0, 0] = 50.0
        return last

    rng = np.random.default_rng(0)
    for f in (means, grouped, summed, added_in_place, views):
        decorated = hy.function(f, strict=f not in (added_in_place, views))
        for n in (9, 30):
            labels, x = rng.integers(0, 4, n), rng.random((n, 2))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert equal(decorated(labels, x.copy()), f(labels, x.copy()))


# `dict(groups)` --------------------------------------------------------------------------------------------------------
VALUES = np.random.default_rng(0).random(12)


def grouped(x):
    out = defaultdict(list)
    for i in range(len(x)):
        out["high" if x[i] > 0.5 else "low"].append(i)
    return out


def returned(x):
    return dict(grouped(x))


def changed(x):
    groups = grouped(x)
    last, made = groups["low"], dict(groups)
    last.append(-1)
    for i in range(len(x)):
        if x[i] > 0.8:
            made["low"].append(i)
    return made, len(made), sorted(made), {key: len(value) for key, value in made.items()}


def known_to_both(x):
    groups = grouped(x)
    made = dict(groups)
    groups["low"].append(7)
    return made, len(groups)


def returned_twice(x):
    groups = grouped(x)
    return groups, dict(groups)


def made_in_a_branch(x):
    groups = grouped(x)
    if x[0] > 0.4:
        groups = dict(groups)
    return dict(groups)


@pytest.mark.parametrize("f", [returned, changed])
def test_a_dict_takes_the_place_of_one_with_lists(f):
    compiled = hy.function(f, strict=True)
    for x in (VALUES, VALUES * 0.4, VALUES[:3]):
        assert equal(compiled(x), f(x))


@quietly
@pytest.mark.parametrize("f", [known_to_both, returned_twice, made_in_a_branch])
def test_two_dicts_with_the_same_lists_are_pythons(f):
    for x in (VALUES, VALUES * 0.4):
        want, got = f(x), hy.function(f)(x)
        assert repr(got) == repr(want)
