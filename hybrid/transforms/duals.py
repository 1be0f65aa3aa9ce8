"""Forward mode on eager values: a value and its tangent go through each operation together."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.errors import GradientError
from hybrid.frontend.values import Value, wrap
from hybrid.ir import trace as tr
from hybrid.ir.lifted import Level, Lifted
from hybrid.transforms import levels


class Dual(Lifted):
    """A value with a tangent of its type, both of the levels below."""

    __slots__ = ("tangent", "viewed")

    def __init__(self, level: Duals, value: Any, tangent: Any):
        self.level, self.value, self.tangent = level, value, tangent
        self.viewed = False  # whether other values show the same memory

    @property
    def alone(self) -> bool:
        return not self.viewed

    def text(self) -> str:
        return f"dual({wrap(self.value)!r}, {wrap(self.tangent)!r})"

    def stopped(self) -> Any:
        return self.value.stopped() if isinstance(self.value, Lifted) else self.value


class Duals(Level):
    """One call of `jvp`."""

    def __init__(self, number: int | None = None):
        super().__init__(number)
        self._taken: list[weakref.ref] = []  # tensors that were plain until a value with a tangent was written into them

    def close(self) -> None:
        """Tensors of the caller that were written into keep what they hold and no more."""
        for reference in self._taken:
            x = reference()
            if x is not None and isinstance(x._data, Dual) and x._data.level is self:
                x._data = x._data.value
        self._taken.clear()

    def below(self, x: Any) -> Any:
        data = x._data
        return wrap(data.value) if isinstance(data, Dual) and data.level is self else x

    def apply(self, function: Callable, args: tuple, kwargs: dict) -> Any:
        operands: list[Any] = []
        operation = levels.operation(function, args, kwargs, operands)
        duals = [self._dual(x) for x in operands]
        given = tuple([d is not None for d in duals])
        tangents, have = self._tangents(operation, operands, duals, given)
        for at, k in enumerate(operation.writes):
            if duals[k] is None and operation.results + at in tangents:
                self._check_write(operands[k])
        out = function(*levels.replaced(args, self.below), **levels.replaced(kwargs, self.below))
        leaves, structure = tree.flatten(out)
        place = 0
        for k, leaf in enumerate(leaves):
            if isinstance(leaf, Value):
                view = operation.views[place]
                if view is not None and duals[view[0]] is None:
                    pass  # an operand as it is, whose own tangent is what is written into it
                elif have[place]:
                    made = Dual(self, leaf._data, tangents[place]._data)
                    if view is not None and (base := duals[view[0]]) is not None:
                        made.viewed = base.viewed = True
                    leaves[k] = wrap(made)
                elif view is not None and duals[view[0]] is not None:
                    raise AssertionError("a view of a value with a tangent has one")
                place += 1
        for at, k in enumerate(operation.writes):
            self._write(operands[k], duals[k], tangents.get(operation.results + at))
        return leaves[0] if structure is tree.LEAF else tree.unflatten(structure, leaves)

    def _check_write(self, x: Any) -> None:
        if not isinstance(x, Value):
            raise GradientError("a value with a tangent is written into a NumPy array", at=tr.user_line(),
                                fix="write into a tensor, hybrid.zeros(shape)")  # fmt: skip
        levels.refuse_shared(x)

    def _dual(self, x: Any) -> Dual | None:
        data = x._data if isinstance(x, Value) else None
        return data if isinstance(data, Dual) and data.level is self else None

    def _tangents(self, operation: levels.Operation, operands: list, duals: list, given: tuple) -> tuple[dict[int, Any], tuple]:
        """The tangents of results, by place, from values as they are before the operation; views of tangents stay views."""
        call, have = operation.forward(given)
        low = [d.value if d is not None else levels.data_of(x) for x, d in zip(operands, duals)]
        along = [d.tangent for d in duals if d is not None]
        found = iter(zip(call(*map(wrap, (*low, *along))), call.shares))
        tangents = {place: next(found) for place, has in enumerate(have) if has}
        own = [k >= operation.results or operation.views[k] is None for k in range(len(have))]
        tangents = {place: t.copy() if shares and own[place] else t for place, (t, shares) in tangents.items()}
        for place, view in enumerate(operation.views):
            base = None if view is None else duals[view[0]]
            if view is not None and base is not None and place in tangents and type(base.tangent) is np.ndarray:
                tangents[place] = wrap(levels.viewed(base.tangent, view[1]))
        return tangents, have

    def _write(self, x: Any, dual: Dual | None, tangent: Any) -> None:
        if dual is not None:
            wrap(dual.tangent)[...] = 0 if tangent is None else tangent
        elif tangent is not None:
            x._data = Dual(self, x._data, tangent._data)
            self._taken.append(weakref.ref(x))
