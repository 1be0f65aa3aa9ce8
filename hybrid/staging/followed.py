"""Compiled functions on values that a transform follows: to the transform each is one operation, the graph of its trace.

What is derived from that graph is compiled, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid.core import tree
from hybrid.core.config import config
from hybrid.core.shape import TensorType
from hybrid.frontend.values import Value, wrap
from hybrid.ir.graph import Graph, has_effects
from hybrid.ir.lifted import Lifted
from hybrid.staging.packed import Packed
from hybrid.staging.packed import given as as_given
from hybrid.staging.parameters import Bound
from hybrid.transforms import levels
from hybrid.transforms.chains import Shown
from hybrid.transforms.reverse import depending
from hybrid.transforms.tape import Leaf, Tracked, recording

if TYPE_CHECKING:
    from hybrid.staging.compiled import Compiled


def is_followed(x: Any) -> bool:
    return isinstance(x, Value) and isinstance(x._data, Lifted)


def below(bound: Bound) -> Bound | None:
    """A call's arguments with arrays for what transforms follow; None where they follow nothing."""
    try:
        leaves, structure = tree.flatten(bound)
    except RecursionError:  # containers that hold themselves, which the call refuses
        return None
    if not any(map(is_followed, leaves)):
        return None
    return tree.unflatten(structure, [wrap(x._data.example()) if is_followed(x) else x for x in leaves])


def holds_leaves_only(bound: Bound) -> bool:
    """Whether all that transforms follow among arguments are leaves, tensors that require gradients."""
    followed = [x._data for x in tree.flatten(bound)[0] if is_followed(x)]
    return all([type(x) is Tracked and x.level.number == 0 and isinstance(x.source[0], Leaf) for x in followed])


def is_wanted(compiled: Compiled) -> bool:
    """Whether results of a call come, with a derivative, of something that is no argument and that a transform follows."""
    return recording() and any(is_followed(x) for _, x in compiled.traced.followed) and may_be_wanted(compiled)


def may_be_wanted(compiled: Compiled) -> bool:
    """Whether there are such results, which machine code does not know of."""
    if compiled.returns_followed is None:
        compiled.returns_followed = not _trains(compiled) and _depends(compiled)
    return compiled.returns_followed


def _trains(compiled: Compiled) -> bool:
    """Whether a call goes back by itself: it leaves gradients, or writes over what they were computed of."""
    traced = compiled.traced
    return traced.differentiates == "gradients" or any(
        array is written for array, _ in traced.followed for written in traced.writes
    )


def _depends(compiled: Compiled) -> bool:
    graph, known = compiled.traced.graph, {id(array) for array, _ in compiled.traced.followed}
    reached = depending(graph.eqns, {var for var, array in graph.constants if id(array) in known})
    return not reached.isdisjoint(graph.outputs[: compiled.traced.visible])  # type: ignore[arg-type]


def call(compiled: Compiled, given: Sequence[Any]) -> Any:
    """One call as an operation, for which there is no `objection`; `given`: the leaves of its arguments as they are."""
    traced = compiled.traced
    operands = [_operand(given[k]) for k in traced.inputs]
    tensors = {id(array): x for array, x in traced.followed}
    operands += [tensors.get(id(array), wrap(array)) for _, array in traced.graph.constants]
    operation = _operation(compiled)
    outputs, follows = operation(*operands), operation.follows(operands)
    structure, results = traced.spelled_out()
    return tree.unflatten(structure, [_result(result, outputs, given, follows) for result in results])


def _operand(x: Any) -> Any:
    if type(x) is Packed:
        return wrap(x.array())
    return x if isinstance(x, Value) else wrap(np.asarray(x))


def objection(compiled: Compiled) -> str | None:
    """Why a call is not one operation: it does more than compute."""
    from hybrid.staging.traced import Argument, Computed

    traced = compiled.traced
    if compiled.operation is not None:
        return None
    if traced.differentiates:
        return "it asks for gradients itself, or what requires them"
    if traced.writes or traced.updates or traced.rebinds:
        return "it writes into what comes from outside"
    if has_effects(traced.graph):
        return "it draws from NumPy's generators or prints"
    if traced.late or traced.checks is not None:
        return "the sizes or classes of its results are known to a run only"
    for result in traced.spelled_out()[1]:
        if not isinstance(result, (Argument, Computed)):
            return "it returns objects, or views of what comes from outside"
        if isinstance(result, Computed) and result.otherwise is not None:
            return "it returns results of more than one class"
    return None


def _result(result: Any, outputs: Sequence[Any], given: Sequence[Any], follows: Sequence[bool]) -> Any:
    kind = getattr(result, "kind", None)
    if kind is None:
        return as_given(given[result.index])
    x = outputs[result.index]
    if result.chain:
        (x,) = Shown(TensorType(x.dtype, tuple(x.shape)), result.chain)(x)
    if kind != "tensor" and isinstance(x._data, Lifted) and not follows[result.index]:
        x = wrap(x._data.stopped())  # an array that came of a number of a tensor
    if kind == "tensor" or isinstance(x._data, Lifted):
        return x
    return x._data if kind == "ndarray" else x._data[()] if kind == "scalar" else x._data.item()


def _operation(compiled: Compiled) -> levels.Call:
    made = compiled.operation
    if made is None:
        graph = compiled.traced.graph
        whole = graph.replace(inputs=(*graph.inputs, *(var for var, _ in graph.constants)), constants=(),
                              outputs=graph.outputs[: compiled.traced.visible])  # fmt: skip
        count = len(graph.inputs)

        def run(*data: Any) -> tuple:
            arrays = [np.array(x, order="C", copy=None) for x in data[:count]]
            return tuple(compiled.plan.run(arrays)[: compiled.traced.visible]) if whole.outputs else ()

        made = compiled.operation = levels.Call(whole, graph.name, run, native=True)
    return made


def native(graph: Graph) -> Callable[..., tuple]:
    """A graph as a function of arrays, compiled."""
    from hybrid.passes import pipeline
    from hybrid.runtime.plan import Plan
    from hybrid.runtime.program import build

    plan = Plan(build(pipeline.group(pipeline.optimise(graph)[0]), {}), config.backend)
    return lambda *data: tuple(plan.run([np.array(x, order="C", copy=None) for x in data]))


levels.compiler = native
