"""Elementwise groups taken into the matrix product they read: they run on each panel of it while that is in cache.

The group must walk the product's own place: element by element in the order of the product's memory, in loops that are the
product's axes (batch, rows, columns). What else it reads may lie anywhere, but must exist before the product does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hybrid.core.affine import Affine
from hybrid.core.shape import Shape, Size, divide
from hybrid.ir.graph import Eqn, Var
from hybrid.passes.access import own_place
from hybrid.passes.contract import BatchAxis
from hybrid.passes.steps import Group, MatMul, Procedure, Program, Step, element_offset


def attach(program: Program, strides: Mapping[Var, Shape]) -> Program:
    """The program with every group that may run on the panels of a product inside that product's step."""
    producers, steps = program.graph.producers, list(program.steps)
    free: dict[Var, MatMul] = {}  # products without an epilogue, in order
    for step in program.steps:
        if isinstance(step, MatMul):
            free[step.eqn.output] = step
        if not isinstance(step, Group) or step.alone or any(s.reduces for s in step.stages):
            continue
        reads = set(step.reads)
        for result in reversed([var for var in free if var in reads]):
            fitted = _fitted(free[result], step, strides, producers)
            moved = _together(steps, free[result], step, fitted) if fitted else None
            if moved:
                steps = moved
                del free[result]
                break
    return replace(program, steps=tuple(steps)) if len(steps) < len(program.steps) else program


def _fitted(product: MatMul, group: Group, strides: Mapping[Var, Shape], producers: Mapping[Var, Eqn]) -> MatMul | None:
    """The product with the group as its epilogue; None where its loops are not the product's."""
    result, matrices = product.eqn.output, product.product
    shape = group.stages[0].shape
    places = [index for stage in group.stages for var, index in stage.reads if var is result]
    if not places or not all(own_place(index, result.type.shape, shape) for index in places):
        return None
    runs = _runs(shape, (*(extent for extent, *_ in matrices.batch), matrices.rows, matrices.columns))
    if runs is None:
        return None
    if any(len(run) > 1 for run in runs):
        # Axes that are one to the product must be one to every access. Those of the batch may also be taken one by one.
        offsets = [element_offset(var, index, strides) for stage in group.stages for var, index in stage.reads]
        counts = any(eqn.primitive.body == "index" for eqn in _computed(group, producers))
        apart = [run for run in runs if len(run) > 1 and (counts or not all(_walks_as_one(o, run, shape) for o in offsets))]
        if any(run in apart for run in runs[-2:]):
            return None
        batch = [
            axis for run, axis in zip(runs, matrices.batch) for axis in (_split(axis, run, shape) if run in apart else [axis])
        ]
        matrices = replace(matrices, batch=tuple(batch))
        runs = [part for run in runs for part in ([[a] for a in run] if run in apart else [run])]
    return replace(product, product=matrices, epilogue=group, axes=tuple(run[-1] for run in runs))


def _split(axis: BatchAxis, run: Sequence[int], shape: Shape) -> list[BatchAxis]:
    """An axis of the batch as the axes it was merged from."""
    out: list[BatchAxis] = []
    _, *steps = axis
    for a in reversed(run):
        size = shape[a]
        out.append((size, *steps))  # type: ignore[arg-type]  # three steps
        steps = [step * size for step in steps]
    return out[::-1]


def _runs(shape: Shape, extents: Sequence[Size]) -> list[list[int]] | None:
    """The axes of a shape (those of size 1 left out) that make up each extent."""
    axes = iter([a for a, size in enumerate(shape) if size != 1])
    out: list[list[int]] = []
    for extent in extents:
        run: list[int] = []
        size: Size = 1
        while size != extent:
            axis = next(axes, None)
            if axis is None or divide(extent, size * shape[axis]) is None:
                return None
            run.append(axis)
            size = size * shape[axis]
        out.append(run)
    return out if next(axes, None) is None and all(out) else None


def _walks_as_one(offset: Affine, run: Sequence[int], shape: Shape) -> bool:
    steps: list[Size] = [offset.coefficient(f"i{a}") for a in run]
    return all(outer == inner * shape[a] for outer, inner, a in zip(steps, steps[1:], run[1:]))


def _computed(group: Group, producers: Mapping[Var, Eqn]) -> set[Eqn]:
    """The equations of the group's stages."""
    found: set[Eqn] = set()
    for stage in group.stages:
        ends = {var for var, _ in stage.reads}
        stack = [stage.atom]
        while stack:
            eqn = producers.get(atom) if isinstance(atom := stack.pop(), Var) and atom not in ends else None
            if eqn is not None and eqn not in found:
                found.add(eqn)
                stack.extend(eqn.inputs)
    return found


def _together(steps: Sequence[Step], product: MatMul, group: Group, both: MatMul) -> list[Step] | None:
    """The steps with `both` in place of the two; None where one between them needs the first, and the second needs that."""
    i, k = steps.index(product), steps.index(group)
    late: list[Step] = []
    after = {*product.results}
    for step in steps[i + 1 : k]:
        if not after.isdisjoint(step.reads):
            late.append(step)
            after.update(step.results)
    if not after.difference(product.results).isdisjoint(group.reads) or any(isinstance(step, Procedure) for step in late):
        return None  # what follows a procedure may rely on it without reading from it
    early = [step for step in steps[i + 1 : k] if step not in late]
    return [*steps[:i], *early, both, *late, *steps[k + 1 :]]
