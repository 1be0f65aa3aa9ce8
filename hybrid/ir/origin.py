"""Where a value of a graph that is being built comes from: what it is computed from, and what it is if that is known."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from typing import Any

import numpy as np

from hybrid.core.shape import Dim, Quotient
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Eqn, Literal
from hybrid.ir.primitive import Kind


def behind(builder: Builder, numbers: Mapping[Atom, int], atom: Atom) -> set[int | Dim | None]:
    """What a value is computed from: arguments that are `numbers`, sizes, and None for anything else."""
    producers = _producers(builder)
    found: set[int | Dim | None] = set()
    pending, seen = [atom], set()
    while pending:
        atom = pending.pop()
        if isinstance(atom, Literal) or atom in seen:
            continue
        seen.add(atom)
        if atom in numbers:
            found.add(numbers[atom])
        elif atom in producers and producers[atom].inputs:
            pending += producers[atom].inputs
        else:
            size = producers[atom].params.get("value") if atom in producers else None
            found.add(size if isinstance(size, Dim) else None)
    return found


_PURE_KINDS = (Kind.MAP, Kind.VIEW, Kind.REDUCE, Kind.WRITE, Kind.CONTRACT)


def constant(builder: Builder, known: Mapping[Atom, np.ndarray], atom: Atom) -> np.ndarray | None:
    """What a value is that is computed from nothing but literals and `known` ones; None where it is not."""
    producers, known = _producers(builder), dict(known)

    def value(atom: Atom) -> np.ndarray | None:
        if isinstance(atom, Literal):
            return np.asarray(atom.value)
        eqn = producers.get(atom)
        if atom in known or eqn is None:
            return known.get(atom)
        if eqn.primitive.kind not in _PURE_KINDS or len(eqn.outputs) > 1 or _has_sizes(tuple(eqn.params.values())):
            return None
        operands = [value(part) for part in eqn.inputs]
        if any(x is None for x in operands):
            return None
        with np.errstate(all="ignore"):
            known[atom] = np.asarray(eqn.primitive.eval(*operands, **eqn.params), atom.type.dtype)
        return known[atom]

    return value(atom)


def _has_sizes(params: Any) -> bool:
    """Whether sizes that only a run knows are among some parameters."""
    return any(map(_has_sizes, params)) if isinstance(params, (tuple, list)) else isinstance(params, (Dim, Quotient))


def _producers(builder: Builder | None) -> Mapping[Atom, Eqn]:
    found: list[dict[Atom, Eqn]] = []
    while builder is not None:
        found.append(builder.producers())
        builder = builder.outer
    return ChainMap(*found)
