"""`checkpoint`: functions whose intermediate values are computed again on the way back, and not kept until then."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.errors import ArgumentError, GradientError
from hybrid.frontend import random, values
from hybrid.frontend.values import Value, wrap
from hybrid.ir import trace as tr
from hybrid.transforms import given as recorded
from hybrid.transforms.custom import (
    Given,
    before,
    data_of,
    follows,
    levels_among,
    opened,
    own,
    smooth,
    type_of,
    without,
    zeros,
)
from hybrid.transforms.saved import Watched, unchanged, watched
from hybrid.transforms.tape import TAPE, Node, Ref, Tape, Tracked, now, quiet, recording
from hybrid.transforms.way_back import pull


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which keeps only its arguments for derivatives: they call it again.

    This trades time (one more call of f) for memory. f must give the same again: random numbers from `hybrid.random` and
    NumPy's global generator are drawn alike, but a generator of one's own has moved on, and prints are printed twice. Tensors
    that f uses besides its arguments, such as parameters of a model, get their gradients, too.

    >>> f = hy.checkpoint(lambda x: np.sin(np.sin(x)))
    >>> hy.grad(f)(0.0)
    1.0
    """
    if not callable(f):
        raise ArgumentError("checkpoint takes a function", got=type(f).__name__)

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        if tr.current() is not None:
            return _recorded(f, args, kwargs)
        leaves = tree.flatten((args, kwargs))[0]
        level = levels_among(leaves)
        if not recording() if level is None or level is TAPE else not isinstance(level, Tape):
            out = f(*args, **kwargs)  # forward mode keeps nothing
            return tree.map_leaves(lambda leaf: own(leaf, leaves), out)
        return _on_tape(call, f, level if isinstance(level, Tape) else TAPE, args, kwargs)

    return call


def _on_tape(again: Callable, f: Callable, level: Tape, args: tuple, kwargs: dict) -> Any:
    leaves, structure = tree.flatten((args, kwargs))
    tracked = [leaf._data if follows(level, leaf) else None for leaf in leaves]
    sources_of = {k: t.source for k, t in enumerate(tracked) if t is not None}
    versions = [t.storage.version if t is not None else 0 for t in tracked]
    kept = {k: watched(leaf._data if isinstance(leaf, Value) else leaf) for k, leaf in enumerate(leaves)
               if tracked[k] is None and isinstance(leaf, (Value, np.ndarray))}  # fmt: skip
    draws, number = _draws(), now()
    out = f(*args, **kwargs)
    if versions != [t.storage.version if t is not None else 0 for t in tracked] or not all(map(unchanged, kept.values())):
        raise GradientError("a checkpointed function writes into an argument, with which it is to be called again",
                            fix="write into a copy of it", at=tr.user_line())  # fmt: skip
    results, nesting = tree.flatten(out)
    sources = list(before(results, level, number))
    if not sources:
        return out
    low = [without(level, leaf) for leaf in leaves]
    if levels_among(low) is None:
        below = [own(without(level, leaf), low) for leaf in results]
    else:  # for the transforms below, too
        inner_args, inner_kwargs = tree.unflatten(structure, low)
        with draws.again():
            below = tree.flatten(again(*inner_args, **inner_kwargs))[0]
    del out
    places = [k for k, leaf in enumerate(results) if follows(level, leaf)]
    results = [None] * len(results)  # and with them all that they were computed from

    def way(node: Node, cotangents: Sequence[Any], follow: bool) -> Sequence[Any]:
        given = list(leaves)
        for k, t in enumerate(tracked):
            if t is not None:
                given[k] = wrap(Tracked(level, node.saved[k], sources_of[k]))
            elif k in kept:
                given[k] = _as_it_was(kept[k], leaves[k], node)
        given_args, given_kwargs = tree.unflatten(structure, given)
        start = now()
        with draws.again(), quiet(False), level.reopened():
            found, nested = tree.flatten(f(*given_args, **given_kwargs))
        if nested != nesting:
            raise GradientError("a checkpointed function gives other results when it is called again", at=node.source,
                                got=nested, expected=nesting)  # fmt: skip
        roots = [(found[k]._data.source, g) for k, g in zip(places, cotangents) if g is not None and follows(level, found[k])]
        reached: dict[Ref, Any] = {}

        def ends(ref: Ref, g: Any) -> bool:
            where = ref[0]
            if isinstance(where, Node) and where.number >= start:
                return False
            reached[ref] = reached[ref] + g if ref in reached else g
            return True

        with contextlib.nullcontext() if follow else quiet(below=TAPE.number + 0.5):
            pull(level, roots, lambda leaf, g: None, retain=follow, follow=follow, ends=ends)
        if reached.keys() - set(sources):
            raise GradientError("a checkpointed function depends on other tensors when it is called again", at=node.source)
        return [reached[ref] if ref in reached else zeros(_type_at(ref)) for ref in sources]

    node = Given(getattr(f, "__name__", "a checkpoint"), [type_of(below[k]) for k in places], sources, way)
    for k, t in enumerate(tracked):
        if t is not None:
            node.saved[k] = t.value
            t.saved_by(node, k)
    made = list(below)
    for place, k in enumerate(places):
        made[k] = wrap(Tracked(level, data_of(below[k]), (node, place)))
    return tree.unflatten(nesting, made)


def _type_at(ref: Ref) -> Any:
    where, place = ref
    return where.operation.outputs[place] if isinstance(where, Node) else where.type


def _as_it_was(kept: Any, leaf: Any, node: Node) -> Any:
    """An argument that no gradient flows through."""
    if not unchanged(kept):
        raise GradientError("an argument of a checkpointed function was written since, and it is to be called again",
                            got=type_of(leaf), at=node.source, fix="write into a copy of it")  # fmt: skip
    data = kept.array if type(kept) is Watched else kept
    return wrap(data) if isinstance(leaf, Value) else data


class _draws:
    """Where the shared sources of random numbers stand."""

    def __init__(self) -> None:
        self.ours, self.numpys = np.array(random._shared.state), np.random.get_state()

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """Draw the same numbers inside, and go on after it as if nothing had been drawn."""
        now_at = _draws()
        self._stand()
        try:
            yield
        finally:
            now_at._stand()

    def _stand(self) -> None:
        random._shared.state = self.ours
        np.random.set_state(self.numpys)


def _recorded(f: Callable, args: tuple, kwargs: dict) -> Any:
    leaves, structure = tree.flatten((args, kwargs))
    call = recorded.Call(leaves)
    inner_args, inner_kwargs = tree.unflatten(structure, call.leaves)
    out = opened(f)(*inner_args, **inner_kwargs)
    results, nesting = tree.flatten(out)
    places = [k for k, leaf in enumerate(results) if smooth(leaf) and recorded.traced([leaf])]
    symbols = [values.symbol(call.trace, results[k]) for k in places]
    homes = {symbol.cell for symbol in call.symbols}
    if any(symbol.cell in homes for symbol in symbols):
        symbols = [values.symbol(call.trace, wrap(s).copy()) if s.cell in homes else s for s in symbols]  # type: ignore[attr-defined]
    call.finished(symbols)
    if places and call.repeatable:
        for k, made in zip(places, recorded.record_recomputed(call, symbols, getattr(f, "__name__", "checkpoint"))):
            results[k] = made
    call.put_back()
    return tree.unflatten(nesting, results)
