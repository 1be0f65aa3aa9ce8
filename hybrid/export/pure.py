"""A traced call as a pure graph: every result an output, written arguments as results, containers described as data.

A container is `{"tuple": [...]}`, `{"list": [...]}` or `{"dict": [[key, …], ...]}`; a leaf of the arguments is `{"input": k}`,
one of the results `{"output": k, "kind": "ndarray"}`, and a Python constant in either is `{"value": …}`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from math import isfinite
from typing import Any

import numpy as np

from hybrid.core.dtype import SHORT
from hybrid.core.errors import ArgumentError
from hybrid.core.shape import TensorType
from hybrid.core.tree import Structure
from hybrid.frontend.values import kind_of, unwrap
from hybrid.ir.graph import Atom, Eqn, Graph, Var
from hybrid.ir.primitive import infer
from hybrid.ir.trace import Chain
from hybrid.ir.verify import verify
from hybrid.staging.function import Function
from hybrid.staging.instances import Stored
from hybrid.staging.signature import ArrayLeaf, NumberLeaf, SameLeaf, ScalarLeaf, StaticLeaf
from hybrid.staging.traced import Again, Argument, Computed, Held, Items, Picked, Repeat, Result, Traced, View

Node = dict[str, Any]


def pure_call(f: Function, args: tuple, kwargs: dict[str, Any]) -> tuple[Graph, dict[str, Any]]:
    """The graph of one call, and its "parameters", "arguments", "results" and "written" as data.

    Raises:
        ArgumentError: a container or a value that means nothing outside this program, or a write into what is no argument.
    """
    compiled, _ = f._compiled(args, kwargs)
    if compiled.traced.state:  # a file has it as it is now
        compiled, _ = Function(f.function, static=tuple(f.parameters.static), backend=f.backend)._compiled(args, kwargs)
    traced = compiled.traced
    structure = compiled.traced.arguments
    names = f.parameters.names(structure)
    _refuse_side_effects(traced)
    parts = _Parts(traced)
    whole, leaves_of = traced.spelled_out()
    results = [parts.result(result) for result in leaves_of]  # no more than the structure holds: nothing is updated
    outputs = len(parts.outputs)
    positional, keyword = structure.children
    places, leaves, found = {k: at for at, k in enumerate(traced.inputs)}, count(), iter(results)

    def argument() -> Node:
        k = next(leaves)
        leaf = traced.leaves[k]
        if isinstance(leaf, SameLeaf):
            both = f"{names[leaf.index]!r} and {names[k]!r}"
            raise ArgumentError(f"{both} are the same array", fix="save with two arrays, or with Specs")
        return (
            {"value": plain(leaf.value, f"the argument {names[k]!r}")} if isinstance(leaf, StaticLeaf) else {"input": places[k]}
        )

    return parts.graph(), {
        "parameters": [*_positional_names(f, len(positional.children)), *(keyword.aux or ())],  # type: ignore[misc]
        "arguments": [described(child, argument, "an argument") for child in (*positional.children, *keyword.children)],
        "results": described(whole, lambda: next(found), "a result"),
        "conditions": [[how, str(left), str(right)] for how, left, right in traced.conditions],
        "written": {names[w]: outputs + k for k, w in enumerate(traced.writes) if isinstance(w, int)},
    }


def _refuse_side_effects(traced: Traced) -> None:
    if traced.passed:
        raise ArgumentError(f"{traced.graph.name} takes a NumPy generator, which a file does not have",
                            fix="pass the random numbers as an argument")  # fmt: skip
    if traced.state:
        raise ArgumentError(f"{traced.graph.name} changes {traced.state[0].text}, which a saved graph cannot do",
                            fix="pass it as an argument and return the new value")  # fmt: skip
    if traced.updates:
        raise ArgumentError(f"{traced.graph.name} changes a container that it is given, which a saved graph cannot do",
                            fix="return the new values instead")  # fmt: skip
    for where in traced.writes:
        if not isinstance(where, int):
            raise ArgumentError(f"{traced.graph.name} writes into an array it captured, which a saved graph cannot do",
                                got=f"{where.dtype}{list(where.shape)}", fix="pass that array as an argument")  # fmt: skip


def _positional_names(f: Function, number: int) -> list[str]:
    kinds = [p for p in f.parameters.parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [kinds[k].name if k < len(kinds) else f"arg{k}" for k in range(number)]


class _Parts:
    """A traced graph, to which results that are arguments, views or constants are added as outputs."""

    def __init__(self, traced: Traced):
        graph, visible = traced.graph, traced.visible
        self.traced = traced
        self.eqns, self.constants, self.outputs = list(graph.eqns), list(graph.constants), list(graph.outputs[:visible])
        self.written = graph.outputs[visible:]
        after = {w: atom for w, atom in zip(traced.writes, self.written) if isinstance(w, int)}
        self.current: dict[int, Atom] = {k: after.get(k, var) for k, var in zip(traced.inputs, graph.inputs)}
        self.captured = {id(array): var for var, array in graph.constants}
        self.known: list[Node] = []
        self.handed_back: dict[int, Node] = {}  # arguments that are results

    def graph(self) -> Graph:
        outputs = (*self.outputs, *self.written)
        return verify(self.traced.graph.replace(eqns=tuple(self.eqns), outputs=outputs, constants=tuple(self.constants)))

    def result(self, result: Result) -> Node:
        """The description of one result leaf; leaves come in order."""
        self.known.append(self._node(result))
        return self.known[-1]

    def _node(self, result: Result) -> Node:
        if isinstance(result, Repeat):
            return self.known[result.index]
        if isinstance(result, Computed):
            if result.otherwise is not None:
                raise ArgumentError("a result is a number of one class or another, depending on values", fix="return float(…)")
            if not result.chain:
                return {"output": result.index, "kind": result.kind}
            return self._output(self._view(self.outputs[result.index], result.chain), result.kind)
        if isinstance(result, Picked):
            raise ArgumentError("a result is one object or another, depending on values", fix="return a number that says which")
        if isinstance(result, Items):
            raise ArgumentError("a result is a list whose length only a run knows", fix="return an array and a count")
        if isinstance(result, View):
            base = self.current[result.base] if isinstance(result.base, int) else self.captured[id(result.base)]
            return self._output(self._view(base, result.chain), result.kind)
        if isinstance(result, Stored):
            raise ArgumentError("a result is an object, or None, which only a run can tell", fix="return its attributes")
        if isinstance(result, Held):
            raise ArgumentError("a result is a container that came in as an argument", fix="return its parts in a new one")
        if isinstance(result, Again):
            raise ArgumentError("a container is met twice in a result", fix="return copies of it")
        if isinstance(result, Argument):
            k = result.index
            if k not in self.handed_back:
                self.handed_back[k] = self._argument(k)
            return self.handed_back[k]
        data = unwrap(result.value)
        if isinstance(data, (np.ndarray, np.generic)) and data.dtype in SHORT:
            array = np.asarray(data)
            self.constants.append((Var(TensorType(array.dtype, array.shape)), array))
            return self._output(self.constants[-1][0], kind_of(result.value))
        return {"value": plain(result.value, "a result")}

    def _argument(self, k: int) -> Node:
        leaf = self.traced.leaves[k]
        if isinstance(leaf, StaticLeaf):
            return {"value": plain(leaf.value, "a result")}
        assert isinstance(leaf, (ArrayLeaf, ScalarLeaf, NumberLeaf))
        kind = leaf.kind if isinstance(leaf, ArrayLeaf) else "scalar" if isinstance(leaf, ScalarLeaf) else "python"
        return self._output(self.current[k], kind)

    def _output(self, atom: Atom, kind: str) -> Node:
        self.outputs.append(atom)
        return {"output": len(self.outputs) - 1, "kind": kind}

    def _view(self, atom: Atom, chain: Chain) -> Atom:
        for primitive, params in chain:
            types = infer(primitive, [atom.type], dict(params))
            self.eqns.append(Eqn(primitive, (atom,), params, tuple(map(Var, types))))
            atom = self.eqns[-1].output
        return atom


def plain(value: Any, what: str) -> Any:
    """A Python value that JSON holds exactly."""
    if isinstance(value, bool | int | str | None) or (type(value) is float and isfinite(value)):
        return value
    raise ArgumentError(f"{what} is a Python object that a file cannot hold", got=f"{type(value).__name__}: {value!r:.60}",
                        expected="arrays, finite numbers, strings, booleans and None, in dicts, lists, tuples")  # fmt: skip


def described(structure: Structure, leaf: Callable[[], Node], what: str) -> Node:
    """A container structure as data; `leaf` describes the leaves in order."""
    kind = structure.kind
    if kind is None:
        return leaf()
    if kind is type(None):
        return {"value": None}
    children = [described(child, leaf, what) for child in structure.children]
    if kind is dict:
        keys: Any = structure.aux
        if not all(type(key) is str for key in keys):
            raise ArgumentError(f"{what} is a dict whose keys are not strings", got=repr(keys)[:80])
        return {"dict": [list(pair) for pair in zip(keys, children)]}
    if kind is list or issubclass(kind, tuple):
        return {"list" if kind is list else "tuple": children}
    raise ArgumentError(f"{what} is of class {kind.__name__}, which exists only in this program",
                        fix="use dicts, lists or tuples of arrays")  # fmt: skip
