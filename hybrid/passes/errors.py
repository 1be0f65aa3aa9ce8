"""Errors of operations whose results nobody needs: Python would compute these all the same, and raise.

A gather that is dead leaves a check of its indices behind, and so does a write at such places into an array that nobody reads;
where a check fails, Python raises the error. Other operations that may raise are kept, by `cleanup.eliminate_dead`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Size
from hybrid.ir.builder import Builder
from hybrid.ir.catching import IN_BOUNDS
from hybrid.ir.graph import Atom, Eqn, Graph, bodies, has
from hybrid.ir.trace import literal
from hybrid.ops import control
from hybrid.ops import index as ix
from hybrid.passes.cleanup import is_checked, is_kept

_Checked = set[tuple[Atom, Size]]  # indices, and the sizes that they are checked against


def keep_errors(graph: Graph) -> Graph:
    """The graph with checks beside dead operations that may raise."""
    return _kept(graph, graph.outputs, set())


def _kept(graph: Graph, outputs: tuple[Atom, ...], known: _Checked) -> Graph:
    """`outputs`: those that are needed. `known`: what is checked around it anyway."""
    if not has(graph, is_checked):
        return graph
    needed = _needed(graph, outputs)
    known = known | {_where(eqn) for eqn in needed if is_checked(eqn)}
    bound = {eqn.params["symbol"]: eqn.inputs[0] for eqn in graph.eqns if eqn.primitive.body == "bind"}
    out: list[Eqn] = []
    for eqn in graph.eqns:
        inner = {name: _kept(body, body.outputs if eqn in needed else (), known) for name, body in bodies(eqn).items()}
        if any(inner[name] is not eqn.params[name] for name in inner):
            eqn = Eqn(eqn.primitive, eqn.inputs, {**eqn.params, **inner}, eqn.outputs, eqn.source)
        out.append(eqn)
        if is_checked(eqn) and _where(eqn) not in known:
            known.add(_where(eqn))
            out += _check(*_where(eqn), bound, eqn)
    same = len(out) == len(graph.eqns) and all(a is b for a, b in zip(out, graph.eqns))
    return graph if same else graph.replace(eqns=tuple(out))


def _needed(graph: Graph, outputs: tuple[Atom, ...]) -> set[Eqn]:
    """The equations that some of the outputs depend on, or that are kept whatever comes of them."""
    wanted: set[Any] = set(outputs)
    found: set[Eqn] = set()
    for eqn in reversed(graph.eqns):
        if is_kept(eqn) or not wanted.isdisjoint(eqn.outputs):
            found.add(eqn)
            wanted.update(eqn.inputs)
    return found


def _where(eqn: Eqn) -> tuple[Atom, Size]:
    return eqn.inputs[1], eqn.inputs[0].type.shape[eqn.params["axis"]]


def _check(index: Atom, size: Size, bound: Mapping[str, Atom], at: Eqn) -> list[Eqn]:
    """That all of an index point to some of so many elements, from the front or from the back."""
    builder = Builder("check")

    def one(primitive: Any, *inputs: Atom, **params: Any) -> Atom:
        return builder.append(primitive, inputs, params, at.source)[0]

    inside = ix.in_bounds(one, index, _number(size, bound, one))
    builder.append(control.check, (inside,), {"what": IN_BOUNDS}, at.source)
    return builder.eqns


def _number(size: Size, bound: Mapping[str, Atom], one: Callable) -> Atom:
    """A size as a value; one that a value was made a size of is that value, as outside of loops nothing else knows it."""
    if not isinstance(size, Dim):
        return literal(size, dt.int64)
    symbol = next(iter(size.symbols))
    return bound[symbol] if size == Dim.symbol(symbol) and symbol in bound else one(control.size, value=size)
