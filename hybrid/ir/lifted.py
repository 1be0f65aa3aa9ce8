"""Values that a transform follows through eager code, one operation at a time.

A tensor holds one in place of its array. Transforms nest: each has a level, and what one of them follows may hold a value that
one of a lower level follows. An operation is handled by the highest level among its operands, in terms of the values below.
"""

from __future__ import annotations

import functools
import importlib
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core.errors import GradientError, HybridError
from hybrid.core.shape import TensorType
from hybrid.ir import lines
from hybrid.ir import trace as tr
from hybrid.ir.graph import Source
from hybrid.ir.lines import is_library

_numbers = itertools.count(1)


draws = itertools.count()  # one is taken for each eager draw of random numbers


def next_number() -> int:
    """A number above those of all levels there are."""
    return next(_numbers)


CONVERSION = "a conversion to a NumPy array"  # what `np.asarray` asks for, and with it most of SciPy
# What has no derivative, or shows a value only: these may be asked of a value that a transform follows.
DECISIONS = frozenset(("a Python condition", "int()", "an index or size", "hash()", "repr()", "text", "a captured tensor"))


class Level:
    """One transform under way. `apply(function, args, kwargs)` is what an operation means for what it follows."""

    def __init__(self, number: int | None = None):
        self.number = next_number() if number is None else number

    def apply(self, function: Callable, args: tuple, kwargs: dict) -> Any:
        raise NotImplementedError

    def constant(self, data: Any, like: Any) -> Any:
        """New numbers as a value that this transform follows as it does another, which depends on nothing it knows."""
        raise NotImplementedError

    def lets_out(self, what: str) -> bool:
        """Whether Python or NumPy may have the elements for this: to decide by them, where nothing of a gradient is lost."""
        return what in DECISIONS


class Lifted:
    """A value that `level` follows: the value below it, an array or another such; a subclass says what else is known."""

    __slots__ = ("level", "value")
    level: Level
    value: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def dtype(self) -> np.dtype:
        return self.value.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def strides(self) -> tuple[int, ...]:
        return self.value.strides

    @property
    def flags(self) -> Any:
        return self.value.flags

    def within(self, change: Callable[[Any], Any]) -> None:
        """Put others in the place of what it holds."""
        self.value = change(self.value)

    def match(self, other: Any) -> None:
        """Let what is known besides the value be followed by whatever follows it in another of this level."""

    def stopped(self) -> Any:
        """The value that no gradient flows through."""
        raise NotImplementedError

    @property
    def alone(self) -> bool:
        """Whether no other value shows the same memory."""
        raise NotImplementedError

    def text(self) -> str:
        """How the tensor that holds it is shown."""
        raise NotImplementedError

    def example(self) -> np.ndarray:
        """An array of its type."""
        return self.value.example() if isinstance(self.value, Lifted) else self.value

    def array(self, what: str) -> np.ndarray:
        """The elements, for Python to decide by; `what` asks for them."""
        if not self.level.lets_out(what):
            raise lost(TensorType(self.dtype, tuple(self.shape)), what)
        below = self.value
        return below.array(what) if isinstance(below, Lifted) else below


def lost(type: TensorType, what: str, at: Source | None = None) -> GradientError:
    """A value leaves for where its derivative cannot be followed."""
    name = lines.called() if what == CONVERSION else None
    if name is not None:
        return GradientError(f"{name} takes a value out of the computation that is differentiated: it knows arrays only",
                             got=type, at=at or tr.user_line(),
                             fix="call it in a decorated function, which follows SciPy's functions that have a derivative: "
                                 f"hybrid.function({name})(…), or hybrid.grad of a decorated function; or say that no "
                                 "derivative is wanted, by hybrid.stop_gradient(x) or x.detach()")  # fmt: skip
    return GradientError(f"{what} takes a value out of the computation that is differentiated",
                         got=type, at=at or tr.user_line(),
                         fix="compute with hybrid's or NumPy's functions, which take tensors; decorate the function, since "
                             "compiled code follows SciPy's, too, and writes into new arrays; or say that no derivative is "
                             "wanted, by hybrid.stop_gradient(x) or x.detach()")  # fmt: skip


class Followed(GradientError):
    """An operation came upon a value that a transform follows, where arrays are taken: to be caught where it began."""

    def __init__(self) -> None:
        Exception.__init__(self)

    def __str__(self) -> str:
        """Where it was raised tells what was called; nobody asks that while it is on its way to be caught."""
        name, at = "an operation", None
        frame, called = self.__traceback__, False
        while frame is not None:
            code, line = frame.tb_frame.f_code, frame.tb_lineno
            if not is_library(code.co_filename):
                at, called = Source(code.co_filename, line, code.co_name), True
            elif called:
                name, called = code.co_name, False
            if (function := frame.tb_frame.f_locals.get("function")) is not None and not called:
                name = getattr(function, "__name__", name)
            frame = frame.tb_next
        return str(GradientError(f"{name} takes arrays, and is given a value that grad, jvp or vmap follows", at=at,
                                 fix="use functions that have a derivative, or x.detach()"))  # fmt: skip


def own_error(error: ValueError) -> HybridError | None:
    """Our error, of which NumPy's comes that tells nothing: "setting an array element with a sequence"."""
    return error.__cause__ if isinstance(error.__cause__, HybridError) else None


class Text(str):
    """The text of a value that a transform follows: a number that is read from it has no derivative any more."""

    __slots__ = ("type",)
    type: TensorType

    def __float__(self) -> float:
        raise lost(self.type, "float() of its text")


def shown(text: str, x: Lifted) -> str:
    """A followed value's text."""
    if x.level.lets_out("float()"):
        return text
    made = Text(text)
    made.type = TensorType(x.dtype, tuple(x.shape))
    return made


# What the gradients of tensors mean, and what an operation on such values means: the transforms enter these when they are
# imported, which is when somebody first asks for them.
tape: Any
follow: Callable[[Callable, tuple, dict], Any]
follow_one: Callable[[Callable, Any], Any]  # of one tensor that is followed
follow_two: Callable[[Callable, Any, Any], Any]  # of such a one and another tensor or a number
item: Callable[[Any, Any], Any]  # of such a one and an index
_LANE = "hybrid.transforms.lane"
_ENTERED_BY = {"tape": "hybrid.transforms.gradients", "follow": _LANE, "follow_one": _LANE, "follow_two": _LANE, "item": _LANE}


def __getattr__(name: str) -> Any:
    if name in _ENTERED_BY:
        importlib.import_module(_ENTERED_BY[name])
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def is_loaded() -> bool:
    """Whether there are transforms that may follow something."""
    return "follow" in globals() or "tape" in globals()


def among(operands: tuple) -> bool:
    """Whether a transform follows one of these, or the first of a list among them."""
    for x in operands:  # `any` would take half a microsecond
        if (type(x) is list or type(x) is tuple) and x:
            x = x[0]
        if isinstance(getattr(x, "_data", None), Lifted):
            return True
    return False


def followable(function: Callable) -> Callable:
    """A function of tensors that goes to `follow` where a transform follows one of them."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Followed:
            return follow(call, args, kwargs)

    return call


def enter(any_call: Callable, of_one: Callable, of_two: Callable, of_index: Callable) -> None:
    global follow, follow_one, follow_two, item
    follow, follow_one, follow_two, item = any_call, of_one, of_two, of_index
