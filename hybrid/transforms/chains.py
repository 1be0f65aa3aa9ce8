"""Chains of views as operations: on the whole that they show a part of."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from hybrid.core.shape import TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.primitive import Kind
from hybrid.ir.trace import Chain
from hybrid.transforms import levels
from hybrid.transforms.batch import batch
from hybrid.transforms.levels import Operation


def _key(chain: Chain) -> Hashable:
    return tuple([(primitive, tuple(params.items())) for primitive, params in chain])


def view(type: TensorType, chain: Chain) -> Operation:
    """A chain of views as an operation on the whole."""
    return levels.remembered(("view", type, _key(chain)), lambda: _made_view(type, chain))


def _made_view(type: TensorType, chain: Chain) -> Operation:
    builder = Builder("view")
    atom: Any = builder.input(type)
    for primitive, params in chain:
        atom = builder.append(primitive, (atom,), params)[0]
    return Operation(builder.finish([atom]), "a view", 1, [None], ())


class Shown(levels.Call):
    """A chain of views as a call, which gives a view."""

    def __init__(self, type: TensorType, chain: Chain):
        graph = view(type, chain).graph
        super().__init__(graph, "a view", lambda data: (levels.viewed(data, chain),))
        self.operation = Operation(graph, "a view", 1, [(0, chain)], ())


def of_examples(type: TensorType, chain: Chain, size: int) -> Chain | None:
    """The chain of views that shows of all examples, along a new axis 0, what one shows of each; None: there is none."""
    graph, _ = batch(view(type, chain).graph, (True,), size)
    steps: list[Any] = []
    atom: Any = graph.inputs[0]
    for eqn in graph.eqns:
        if eqn.primitive.kind is not Kind.VIEW or eqn.inputs != (atom,):
            return None
        steps.append((eqn.primitive, eqn.params))
        atom = eqn.output
    return tuple(steps) if atom is graph.outputs[0] else None


def put(type: TensorType, chain: Chain, given: TensorType) -> Operation:
    """A whole with new elements where a chain of views shows them, as an operation on the whole and these."""
    return levels.remembered(("put", type, given, _key(chain)), lambda: _made_put(type, chain, given))


def _made_put(type: TensorType, chain: Chain, given: TensorType) -> Operation:
    builder = Builder("put")
    whole, value = builder.input(type), builder.input(given)

    def bind(primitive: Any, *inputs: Any, **params: Any) -> Any:
        return builder.append(primitive, inputs, params)[0]

    bases: list[Any] = [whole]
    for primitive, params in chain[:-1]:
        bases.append(bind(primitive, bases[-1], **params))
    new: Any = value
    for (primitive, params), base in zip(reversed(chain), reversed(bases)):
        assert primitive.put is not None
        new = primitive.put(bind, base, new, **params)
    return Operation(builder.finish([new]), "a write through a view", 1, [None], ())
