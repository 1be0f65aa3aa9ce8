"""What a call does besides giving results, while its program runs: numbers drawn from NumPy's generators, texts to print.

Generators are held and, where the call may turn out to be Python's, put back; what nobody can undo is done when it has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hybrid.core import npyrandom
from hybrid.ir.graph import Eqn, Graph, bodies, has_effects, walk
from hybrid.ops.draw import Argument, Draw, Made, Run, bitgen, bits_of, fill, sample, seeding
from hybrid.staging import entry
from hybrid.staging.effects import marked, put_back
from hybrid.staging.signature import GeneratorLeaf
from hybrid.staging.traced import Traced


class Drawing:
    """The draws of one trace.

    Attributes:
        acts: whether a call draws or prints at all.
        fails: whether a run that has drawn may turn out to be Python's.
    """

    __slots__ = ("acts", "fails", "_natively", "_alone", "_fixed", "_given")

    def __init__(self, graph: Graph):
        self.acts = has_effects(graph)
        calls = tuple(eqn.params["call"] for eqn in walk(graph) if isinstance(eqn.params.get("call"), Draw))
        self.fails = bool(calls) and any(_fails(eqn, False) for eqn in graph.eqns)
        self._natively = any(eqn.primitive.native is not None for eqn in walk(graph))
        sources = [call.generator for call in calls if not isinstance(call.generator, Made)]
        self._alone = all(eqn.primitive in (bitgen, fill, sample) for eqn in walk(graph) if eqn.primitive.effect) and not any(
            isinstance(call.generator, Made) for call in calls
        )
        self._given = list(dict.fromkeys(source.index for source in sources if isinstance(source, Argument)))
        self._fixed = list({id(source): source for source in sources if not isinstance(source, Argument)}.values())

    def generators(self, values: Sequence[Any]) -> list[Any]:
        """NumPy's generators that a call with these leaves draws from, but for those that it makes itself."""
        used = [*self._fixed, *(values[index] for index in self._given)]
        return used if len(used) < 2 else list({id(generator): generator for generator in used}.values())

    def source(self, traced: Traced, places: Mapping[int, int]) -> entry.Source | None:
        """The generator that machine code draws from where nothing else is done besides giving results, for an entry that has
        the leaves at these places. None where the trace is of calls that pass a generator which is reached otherwise, too."""
        if not self._alone or len(self._fixed) + len(self._given) != 1 or any(known is not None for _, known in traced.passed):
            return None
        if self._fixed:
            named = self._fixed[0]
            kind: Any = type(named)
            bits: Any = type(bits_of(named))
        else:
            leaf, named = traced.leaves[self._given[0]], places[self._given[0]]
            assert isinstance(leaf, GeneratorLeaf)
            kind, bits = leaf.python, leaf.bits
        legacy = kind is np.random.RandomState
        return entry.Source(named, legacy, bits) if npyrandom.is_known(bits, legacy) else None

    def during(self, values: Sequence[Any], undo: bool = False, keep: bool = False) -> During:
        """Draw from the generators among these leaves; what was drawn is undone in any case, or on an error if that may come.

        `keep`: it may come, although the graph has none.
        """
        generators = self.generators(values)
        # Machine code draws without NumPy's locks, so they are taken for all of the run.
        held = [npyrandom.lock_of(bits_of(g)) for g in sorted(generators, key=id)] if self._natively else []
        locks = [lock for lock in held if lock is not None]
        return During(generators if self.fails or undo or keep else (), locks, {k: values[k] for k in self._given}, undo)


class During:
    """One run; entered, it gives the list of what is to be done when it has ended."""

    __slots__ = ("_generators", "_locks", "_run", "_undo", "_before")

    def __init__(self, generators: Sequence[Any], locks: list[Any], given: dict[Any, Any], undo: bool):
        self._generators, self._locks, self._run, self._undo = generators, locks, Run(given), undo

    def __enter__(self) -> list[Callable[[], Any]]:
        for lock in self._locks:
            lock.acquire()
        self._before = [(generator, marked(generator)) for generator in self._generators]
        return self._run.__enter__()

    def __exit__(self, kind: Any, error: BaseException | None, tb: Any) -> None:
        self._run.__exit__(kind, error, tb)
        if self._undo or isinstance(error, Exception):
            for generator, state in self._before:
                put_back(generator, state)
        for lock in self._locks:
            lock.release()


def _fails(eqn: Eqn, inside: bool) -> bool:
    """Whether a call may end at this equation; `inside` the body of a branch or loop."""
    from hybrid.passes.reuse import may_fail
    from hybrid.passes.steps import is_called, lowers

    within = bodies(eqn).values()
    if within:
        return any(_fails(inner, True) for body in within for inner in body.eqns)
    if eqn.primitive.effect:
        return eqn.primitive is seeding or (eqn.primitive not in (bitgen, fill, sample) and not eqn.params["call"].fixed)
    return may_fail(eqn) or (is_called(eqn) if inside else not lowers(eqn))
