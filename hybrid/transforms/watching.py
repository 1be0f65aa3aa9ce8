"""`GradientTape`: TensorFlow's way to gradients, one tape of its own for each `with`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.errors import ArgumentError, GradientError
from hybrid.frontend.joins import stack
from hybrid.frontend.values import Value, wrap
from hybrid.ir import trace as tr
from hybrid.ir.lifted import Lifted
from hybrid.ir.trace import Symbol
from hybrid.transforms.gradients import full_like, gradients_of, gradients_within, leaf_for, tracked_by
from hybrid.transforms.recorded import Marked
from hybrid.transforms.tape import TAPE, Tape, Tracked, quiet


class _Thread(threading.local):
    open = 0  # tapes that this thread has open


_thread = _Thread()


class GradientTape:
    """TensorFlow's way to gradients: what is computed inside from watched tensors can be differentiated.

    Args:
        persistent: whether `gradient` may be called more than once.

    Tensors that require gradients need not be watched. Tapes nest: gradients that are asked for inside another tape are
    remembered by it.

    >>> x = hy.tensor([1.0, 2.0])
    >>> with hy.GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = (x ** 3).sum()
    >>> tape.gradient(y, x)
    tensor([ 3., 12.], dtype=float32)
    """

    def __init__(self, persistent: bool = False):
        self.persistent = persistent
        self._level: Tape | None = None
        self._watched: list[tuple[Any, Any]] = []  # tensors, and these as they were then
        self._used = False
        self._inner: Any = None

    def __enter__(self) -> GradientTape:
        if self._level is not None:
            raise GradientError("a tape is entered twice", fix="a new hybrid.GradientTape()")
        self._inner = quiet(False)
        self._inner.__enter__()
        self._level = Tape()
        _thread.open += 1
        return self

    def __exit__(self, *error: Any) -> None:
        assert self._level is not None
        _thread.open -= 1
        self._inner.__exit__(*error)
        self._level.close()
        for x, _ in self._watched:
            x._data = _without(x._data, self._level)

    def watch(self, tensors: Any) -> None:
        """Remember what is computed from these tensors until the tape ends."""
        if self._level is None or not self._level.open:
            raise GradientError("a tape watches while it is open", fix="with hybrid.GradientTape() as tape: tape.watch(x)")
        for x in tree.flatten(tensors)[0]:
            if not isinstance(x, Value):
                raise ArgumentError("a tape watches tensors", got=type(x).__name__, fix="hybrid.tensor(x)")
            if type(x._data) is Symbol:  # type: ignore[attr-defined]
                x._data = Marked([x]).symbols[0]  # type: ignore[attr-defined]
            elif tr.current() is None and tracked_by(self._level, x) is None:
                leaf = self._follow(self._level, x)
                self._watched.append((x, wrap(Tracked(self._level, leaf.value, leaf.origin))))  # whatever is written into x

    def _follow(self, level: Tape, x: Any) -> Tracked:
        """Put this tape's leaf under what tapes opened later know of a tensor."""
        above, data = None, x._data
        while isinstance(data, Lifted) and data.level.number > level.number:
            above, data = data, data.value
        lift = level.lift(data, leaf_for(data), False if isinstance(data, Lifted) else None)
        if above is None:
            x._data = lift
        else:
            above.value = lift
        return lift

    def _as_watched(self, x: Any) -> Any:
        """A source as the tape saw it."""
        return next((leaf for known, leaf in self._watched if known is x), x)

    @contextlib.contextmanager
    def stop_recording(self) -> Iterator[None]:
        """What is computed inside is not remembered."""
        with quiet():
            yield

    def gradient(self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: str = "zeros") -> Any:
        """The gradients of a tensor, or of the sum of several, with respect to sources, nested as these.

        Args:
            output_gradients: cotangents of the targets; by default ones, for targets of any shape.
            unconnected_gradients: "zeros" (or "zero") or "error" for sources that targets do not depend on.
        """
        unconnected_gradients = "zeros" if unconnected_gradients == "zero" else unconnected_gradients
        if unconnected_gradients not in ("error", "zeros"):
            raise ArgumentError("unconnected sources are an error or zeros", got=unconnected_gradients)
        self._use()
        targets = tree.flatten(target)[0]
        given = tree.flatten(output_gradients)[0] if output_gradients is not None else [None] * len(targets)
        if len(given) != len(targets):
            raise ArgumentError("a cotangent for each target", got=len(given), expected=len(targets))
        ones = [full_like(1, t) if g is None else g for t, g in zip(targets, given)]
        leaves, structure = tree.flatten(sources)
        return tree.unflatten(structure, self._gradients(targets, leaves, ones, self.persistent, unconnected_gradients))

    def _gradients(
        self, targets: Sequence[Any], sources: Sequence[Any], given: Sequence[Any], retain: bool, unconnected: str
    ) -> list[Any]:
        assert self._level is not None
        if tr.current() is not None:
            return gradients_within(targets, sources, given, True, unconnected)
        sources = [self._as_watched(x) for x in sources]
        found: list[Any] = [None] * len(sources)
        for level in (self._level, TAPE):
            known = [k for k, x in enumerate(sources) if found[k] is None and tracked_by(level, x) is not None]
            ways = [(_below(self._level, t) if level is TAPE else t, g) for t, g in zip(targets, given)]
            ways = [(t, g) for t, g in ways if tracked_by(level, t) is not None]
            if known and ways:
                follow = level.open if level is not TAPE else _thread.open > 0
                outs, cotangents = zip(*ways)
                keep = retain or (level is self._level and follow)
                got = gradients_of(level, outs, [_top(level, sources[k]) for k in known], cotangents, keep, follow, unconnected)
                for k, g in zip(known, got):
                    found[k] = g
        for k, x in enumerate(sources):
            if found[k] is None:
                if unconnected == "error":
                    raise GradientError("a source has no part in the target", got=f"source {k}, {x.dtype} of shape {x.shape}",
                                        fix="tape.watch(x) before computing")  # fmt: skip
                found[k] = wrap(np.zeros(x.shape, x.dtype))
        return found

    def jacobian(self, target: Any, sources: Any) -> Any:
        """The derivative of every element of the target by every element of each source: shape target.shape + source.shape."""
        self._use()
        leaves, structure = tree.flatten(sources)
        rows = []
        for at in np.ndindex(*target.shape):
            seed = np.zeros(target.shape, target.dtype)
            seed[at] = 1
            rows.append(self._gradients([target], leaves, [wrap(seed)], True, "zeros"))
        shapes = [(*target.shape, *x.shape) for x in leaves]
        if not rows:
            return tree.unflatten(structure, [wrap(np.zeros(shape, target.dtype)) for shape in shapes])
        return tree.unflatten(structure, [stack(column).reshape(shape) for column, shape in zip(zip(*rows), shapes)])

    def _use(self) -> None:
        if self._level is None:
            raise GradientError("a gradient is asked of a tape that was never open", fix="with hybrid.GradientTape() as tape:")
        if self._used and not self.persistent:
            raise GradientError("a tape's gradient is asked for twice", fix="GradientTape(persistent=True)")
        self._used = True


def _below(level: Tape, x: Any) -> Any:
    """A target without what a tape knows of it."""
    data = x._data if isinstance(x, Value) else None
    return wrap(data.value) if isinstance(data, Lifted) and data.level is level else x


def _top(level: Tape, x: Any) -> Any:
    """A source as a level knows it."""
    return wrap(tracked_by(level, x))


def _without(data: Any, level: Tape) -> Any:
    """What a tensor holds but for what a tape knows."""
    if not isinstance(data, Lifted):
        return data
    if data.level is level:
        return data.value
    data.value = _without(data.value, level)
    return data
