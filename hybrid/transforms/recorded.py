"""Derivatives inside a trace: what a function recorded is differentiated by recording more."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Sequence
from functools import reduce
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.errors import TraceError
from hybrid.core.shape import Dim, product
from hybrid.frontend import values
from hybrid.frontend.values import Value, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Eqn, Var
from hybrid.ir.lifted import lost
from hybrid.ir.primitive import Kind
from hybrid.ir.trace import Symbol, Trace
from hybrid.ops import view as v
from hybrid.transforms import flow, forward, levels, reverse
from hybrid.transforms.reverse import Cotangents, depending
from hybrid.transforms.terms import Recorder

_tags = itertools.count(1)


class Marked:
    """Leaves as new values, so that what is computed from them can be told from what is computed from the same otherwise.

    `others`: the arguments that come along with them as they are.
    """

    def __init__(self, leaves: Sequence[Any], others: Sequence[Any] = ()):
        self.trace = values.active()
        self.given = [values.symbol(self.trace, leaf) for leaf in leaves]
        beside = [x._data for x in tree.flatten(list(others))[0] if isinstance(x, Value) and type(x._data) is Symbol]
        self.beside = [symbol for symbol in (*self.given, *beside) if symbol.kind in ("tensor", "ndarray")]
        self.before = {symbol.cell: symbol.cell.value for symbol in self.given}
        self.atoms = [self.trace.one(v.mark, tr.read(symbol), tag=next(_tags)) for symbol in self.given]
        self.symbols = [self.trace.fresh(atom, symbol.kind) for atom, symbol in zip(self.atoms, self.given)]

    @property
    def tensors(self) -> list[Any]:
        return list(map(wrap, self.symbols))

    def put_back(self) -> None:
        """Let the caller's arrays have what was written into the leaves."""
        for symbol, given in zip(self.symbols, self.given):
            shown = symbol.cell.written and sum(_meet(x, given) for x in self.beside) > 1
            if shown or given.cell.value is not self.before[given.cell]:
                raise TraceError("an argument is written in place, and another is in the same memory", at=tr.user_line(),
                                 fix="pass a copy")  # fmt: skip
        for symbol, given in zip(self.symbols, self.given):
            if symbol.cell.written:
                tr.write(given, tr.read(symbol))

    @property
    def eqns(self) -> list[Eqn]:
        """What has been recorded since, seen from where the trace stands."""
        found: list[Eqn] = []
        builder: Any = self.trace.builder
        while builder is not None:
            found[:0] = builder.eqns
            builder = builder.outer
        wanted = set(self.atoms)
        last = max(k for k, eqn in enumerate(found) if not wanted.isdisjoint(eqn.outputs))
        return [eqn for eqn in found[last + 1 :] if eqn not in self.trace.quiet]


def _meet(a: Symbol, b: Symbol) -> bool:
    """Whether two arrays have elements in common, or may."""
    if a.cell is not b.cell:
        return False
    shape = a.cell.value.type.shape
    if any(isinstance(size, Dim) for size in shape):
        return True
    places = np.arange(product(shape)).reshape(shape)  # type: ignore[arg-type]  # all of them are numbers
    try:
        one, other = (reduce(lambda x, view: view[0].eval(x, **view[1]), symbol.chain, places) for symbol in (a, b))
    except TypeError:  # a view whose place only a run knows
        return True
    return not set(one.ravel()).isdisjoint(other.ravel())


def opened(f: Callable) -> Callable:
    """A function with its branches and loops open to the trace, if one is recording; ours have none of the user's."""
    trace = tr.current()
    return f if trace is None or trace.handlers is None or is_ours(f) else trace.handlers.call(f)


def is_ours(f: Callable) -> bool:
    """Whether a function is this library's, such as those that `grad` and its kin give."""
    code = getattr(f, "__code__", None)
    return code is not None and code.co_filename.startswith(levels.PACKAGE)


def atom_of(trace: Trace, leaf: Any) -> Atom | None:
    """The current value of a traced result."""
    return tr.read(leaf._data) if isinstance(leaf, Value) and type(leaf._data) is Symbol else None


def _read(trace: Trace, x: Any) -> Atom:
    """A cotangent as an atom; a number is one of the graph."""
    data = x._data if isinstance(x, Value) else x
    if type(data) is np.ndarray and not data.ndim:
        return tr.literal(data, data.dtype)
    return values.read(trace, x)


def pull(marked: Marked, results: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
    """Cotangents of the leaves, as tensors of the trace."""
    trace = marked.trace
    recorder = Recorder(trace.builder)
    reached = Cotangents(recorder)
    for result, given in zip(results, cotangents):
        atom = atom_of(trace, result)
        if isinstance(atom, Var) and given is not None:
            reached.add(atom, recorder.term(_read(trace, given)))
    eqns = marked.eqns
    active = depending(eqns, [atom for atom in marked.atoms if isinstance(atom, Var)])
    _refuse_numbers(eqns, active)
    reverse.backward(recorder, eqns, reached, active)
    return [
        wrap(trace.fresh(reached.full(atom).atom, symbol.kind))  # type: ignore[arg-type]
        for atom, symbol in zip(marked.atoms, marked.symbols)
    ]


def _refuse_numbers(eqns: Sequence[Eqn], active: Container[Atom]) -> None:
    """Python took a number out of a tensor that is differentiated by: an error in eager code, and so here."""
    eqn = reverse.number_taken(eqns, active)
    if eqn is not None:
        raise lost(eqn.inputs[0].type, "a Python number", eqn.source)


def push(marked: Marked, tangents: Sequence[Any], results: Sequence[Any]) -> list[Any]:
    """Tangents of results, as tensors of the trace; None for what depends on no leaf."""
    trace = marked.trace
    recorder = Recorder(trace.builder)
    atoms = [atom_of(trace, result) for result in results]  # which may record views
    known: forward.Tangents = {
        atom: recorder.term(values.read(trace, t)) for atom, t in zip(marked.atoms, tangents, strict=True)
    }
    for eqn in marked.eqns:
        _refuse_numbers([eqn], known)
        if eqn.primitive.kind is Kind.CONTROL:
            if any(atom in known for atom in eqn.inputs):
                made = flow.push(recorder, eqn, eqn.inputs, known)
                known.update((var, known[atom]) for var, atom in zip(eqn.outputs, made) if atom in known)
        else:
            forward.pushed(recorder, eqn, eqn.inputs, eqn.outputs, known)
    out = []
    for result, atom in zip(results, atoms):
        term = known.get(atom) if atom is not None else None
        out.append(None if term is None else wrap(trace.fresh(term.atom, result._data.kind)))
    return out
