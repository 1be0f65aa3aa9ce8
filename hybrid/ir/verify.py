"""Checks that a graph is well formed: every value defined once and before use, every type what inference says."""

from __future__ import annotations

from hybrid.core.errors import GraphError, HybridError
from hybrid.ir.graph import Eqn, Graph, Literal, Var, bodies
from hybrid.ir.primitive import TABLE, infer


def verify(graph: Graph) -> Graph:
    """The graph itself, or `GraphError` naming the first bad equation and the user's line."""
    known: set[Var] = set()
    for var in (*graph.inputs, *(var for var, _ in graph.constants)):
        _define(graph, known, var, "an input")
    for var, array in graph.constants:
        if array.dtype != var.type.dtype or array.shape != var.type.shape:
            raise GraphError(f"{graph.name}: a captured array does not have the type of its variable",
                             got=f"{array.dtype}{list(array.shape)}", expected=var.type)  # fmt: skip
    for eqn in graph.eqns:
        _check(graph, eqn, known)
        for var in eqn.outputs:
            _define(graph, known, var, _where(eqn))
    for atom in graph.outputs:
        if isinstance(atom, Var) and atom not in known:
            raise GraphError(f"{graph.name}: an output is never computed", got=atom.type)
    return graph


def _define(graph: Graph, known: set[Var], var: Var, where: str) -> None:
    if var in known:
        raise GraphError(f"{graph.name}: a value is defined twice", at=where)
    known.add(var)


def _check(graph: Graph, eqn: Eqn, known: set[Var]) -> None:
    where = _where(eqn)
    if TABLE.get(eqn.primitive.name) is not eqn.primitive and "." not in eqn.primitive.name:  # `numba.clip` is a user's own
        raise GraphError(f"{graph.name}: {eqn.primitive.name} is not in the table", at=where)
    for atom in eqn.inputs:
        if isinstance(atom, Literal):
            if atom.type.shape:
                raise GraphError(f"{graph.name}: a literal is not a scalar", got=atom.type, at=where)
        elif atom not in known:
            raise GraphError(f"{graph.name}: a value is used before it is defined", got=atom.type, at=where)
    check_types(graph.name, eqn)
    for body in bodies(eqn).values():
        verify(body)


def check_types(name: str, eqn: Eqn) -> Eqn:
    """The equation itself, or `GraphError` where its results are not what its primitive gives for its operands."""
    where = _where(eqn)
    try:
        types = infer(eqn.primitive, [atom.type for atom in eqn.inputs], dict(eqn.params))
    except HybridError as error:
        raise GraphError(f"{name}: {eqn.primitive.name} cannot take its operands: {error.what}", at=where) from error
    except Exception as error:  # type rules take well-formed params for granted
        raise GraphError(f"{name}: {eqn.primitive.name} cannot take its operands and params: {error}", at=where) from error
    if len(types) != len(eqn.outputs):
        raise GraphError(f"{name}: {eqn.primitive.name} gives {len(types)} results, not {len(eqn.outputs)}", at=where)
    for expected, var in zip(types, eqn.outputs, strict=True):
        if (expected.dtype, expected.shape) != (var.type.dtype, var.type.shape):
            raise GraphError(f"{name}: {eqn.primitive.name} gives another type than declared",
                             got=var.type, expected=expected, at=where)  # fmt: skip
    return eqn


def _where(eqn: Eqn) -> str:
    operands = ", ".join(str(atom.type) for atom in eqn.inputs)
    line = f"  # {eqn.source}: {eqn.source.text}" if eqn.source else ""
    return f"{eqn.primitive.name}({operands}){line}"
