"""Branches and loops to be called by name: `cond`, `while_loop`, `fori_loop`, `scan`.

They are Python's own, written out. In a trace they are converted as the user's functions are, and become equations where only
a run knows how they go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.errors import ArgumentError, TraceError
from hybrid.frontend import creation, joins
from hybrid.frontend.values import Value, kind_of, shape_of, strong
from hybrid.ir import trace as tr


def cond(pred: Any, then: Callable[..., Any], orelse: Callable[..., Any], *operands: Any) -> Any:
    """`then(*operands)` where `pred` is true, else `orelse(*operands)`.

    Args:
        pred: a bool, or a number or array of one element.
        then, orelse: functions of the operands. In a decorated function both are traced if only a run knows `pred`, and their
            results are of one type and nesting.

    >>> hy.cond(np.float64(3.0) > 2, lambda x: x + 1, lambda x: x - 1, 10)
    11
    """
    if pred:
        return then(*operands)
    return orelse(*operands)


def while_loop(test: Callable[[Any], Any], body: Callable[[Any], Any], state: Any) -> Any:
    """`state = body(state)` as long as `test(state)` holds; the last state.

    Args:
        state: an array or number, or any nesting of these, which `body` keeps.

    Raises:
        ArgumentError: `body` returns another nesting.

    >>> hy.while_loop(lambda s: s[0] < 100, lambda s: (2 * s[0], s[1] + 1), (1, 0))
    (128, 7)
    """
    while test(state):
        following = body(state)
        _check_nesting("while_loop", state, following)
        state = following
    return state


def fori_loop(low: int, high: int, body: Callable[[int, Any], Any], state: Any) -> Any:
    """`state = body(i, state)` for i from `low` up to, and without, `high`; the last state.

    Args:
        state: an array or number, or any nesting of these, which `body` keeps.

    Raises:
        ArgumentError: `body` returns another nesting.

    >>> hy.fori_loop(0, 5, lambda i, total: total + i, 0)
    10
    """
    for i in range(low, high):
        following = body(i, state)
        _check_nesting("fori_loop", state, following)
        state = following
    return state


def scan(
    body: Callable[[Any, Any], tuple[Any, Any]], carry: Any, xs: Any, length: int | None = None, reverse: bool = False
) -> tuple[Any, Any]:
    """`carry, y = body(carry, x)` for every x of xs; the last carry, and all ys as arrays.

    Args:
        body: takes the carry and, of every array among `xs`, the item along the first axis; returns the next carry, which
            nests as the first, and y: an array or number, any nesting of these, or None.
        xs: an array or any nesting of arrays with first axes of one length, or None.
        length: how many rounds; needed if xs is None.
        reverse: whether to begin with the last x. The ys stand where their xs do.

    Raises:
        ArgumentError: nothing says how many rounds, or lengths differ; `body` returns no pair, or another nesting.

    >>> hy.scan(lambda total, x: (total + x, total * x), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([0., 2., 9.]))
    """
    count = _count(xs, length)
    if tr.current() is None:
        return _scanned(body, carry, xs, count, reverse)
    if count == 0:
        raise ArgumentError("a scan over nothing does not tell what its ys are", fix="give at least one x")
    # The first round is apart: it tells what the ys are.
    last = count - 1
    at = last if reverse else 0
    made = body(carry, _item(xs, at))
    outs, structure = _rooms(made, carry, count, at)
    carry = made[0]
    for k in range(1, count):
        at = last - k if reverse else k
        made = body(carry, _item(xs, at))
        carry = _store(made, carry, outs, structure, at)
    return carry, _nested(structure, outs)


def _scanned(body: Callable[[Any, Any], tuple[Any, Any]], carry: Any, xs: Any, count: int, reverse: bool) -> tuple[Any, Any]:
    """A scan, eagerly."""
    rows: list[list[Any]] = []
    structure = None
    for k in range(count):
        made = body(carry, _item(xs, count - 1 - k if reverse else k))
        _check_pair(made)
        _check_nesting("scan", carry, made[0])
        carry = made[0]
        leaves, nesting = tree.flatten(made[1])
        if structure is not None and nesting != structure:
            raise ArgumentError("the ys of a scan nest differently from round to round", got=nesting, expected=structure)
        structure = nesting
        rows.append(leaves)
    if structure is None:
        raise ArgumentError("a scan over nothing does not tell what its ys are", fix="give at least one x")
    columns = [column[::-1] if reverse else column for column in map(list, zip(*rows))]
    return carry, tree.unflatten(structure, [_stacked(column) for column in columns])


def _stacked(column: list) -> Any:
    tensors = any(isinstance(x, Value) for x in column)
    shapes = {shape_of(x) for x in column}
    if len(shapes) > 1:
        raise ArgumentError("the ys of a scan differ in shape", got=", ".join(map(str, sorted(shapes))))
    return joins.stack(column) if tensors else np.stack(column)


def _count(xs: Any, length: int | None) -> Any:
    leaves = tree.flatten(xs)[0]
    if any(not shape_of(leaf) for leaf in leaves):
        raise ArgumentError("scan goes along the first axis of arrays", got="a number among xs")
    counts = [shape_of(leaf)[0] for leaf in leaves]
    if length is not None:
        counts.append(length)
    if not counts:
        raise ArgumentError("scan needs to know how many rounds", fix="give xs or length")
    if any(count != counts[0] for count in counts):
        raise ArgumentError("the arrays that scan goes along are equally long", got=", ".join(map(str, counts)))
    return counts[0]


def _item(xs: Any, at: Any) -> Any:
    return tree.map_leaves(lambda leaf: leaf[at], xs)


def _check_pair(made: Any) -> None:
    if not isinstance(made, tuple) or len(made) != 2:
        raise ArgumentError("the body of a scan returns (carry, y)", got=type(made).__name__, fix="return carry, None for no y")


def _check_nesting(name: str, before: Any, after: Any) -> None:
    if tr.current() is not None:
        return  # what a trace joins it compares itself
    was, now = tree.flatten(before)[1], tree.flatten(after)[1]
    if was != now:
        raise ArgumentError(f"the body of {name} returns a state of another nesting", got=now, expected=was)


def _rooms(made: Any, carry: Any, count: Any, at: Any) -> tuple[list[Any], tree.Structure]:
    """Arrays for the ys, of which the first is there."""
    _check_pair(made)
    leaves, structure = tree.flatten(made[1])
    outs = []
    for leaf in leaves:
        shape = (count, *shape_of(leaf))
        make = creation.zeros if kind_of(leaf) == "tensor" else creation.CONSTRUCTORS[np.zeros]
        outs.append(make(shape, strong(leaf)))
    for out, leaf in zip(outs, leaves):
        out[at] = leaf
    return outs, structure


def _store(made: Any, carry: Any, outs: list[Any], structure: tree.Structure, at: Any) -> Any:
    """Put the ys of one round where they belong; the next carry."""
    _check_pair(made)
    leaves, nesting = tree.flatten(made[1])
    if nesting != structure:
        raise ArgumentError("the ys of a scan nest differently from round to round", got=nesting, expected=structure)
    for out, leaf in zip(outs, leaves):
        if strong(leaf) != out.dtype or shape_of(leaf) != shape_of(out)[1:]:
            raise TraceError("the ys of a scan are of one type in all rounds", got=f"{strong(leaf)} {shape_of(leaf)}",
                             expected=f"{out.dtype} {shape_of(out)[1:]}", at=tr.user_line())  # fmt: skip
        out[at] = leaf
    return made[0]


def _nested(structure: tree.Structure, outs: list[Any]) -> Any:
    return tree.unflatten(structure, outs)
