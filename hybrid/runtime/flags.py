"""The processor's floating-point flags from Python, for the calls that do not take the native entry.

>>> seen, huge = Seen(), 1e300
>>> clear()
>>> huge * huge
inf
>>> seen.look()
>>> seen.flags == OVER
True
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache

from hybrid.codegen.flags import DIVIDE, INVALID, OVER, UNDER, support
from hybrid.codegen.target import host
from hybrid.runtime import engine
from hybrid.runtime.cache import object_for

# NumPy's words for what it calls an error handler with.
_KINDS = {"invalid value": INVALID, "divide by zero": DIVIDE, "overflow": OVER, "underflow": UNDER}
_SOURCE = """
define void @clear() nounwind {
  call void @hybrid_flags_clear()
  ret void
}

define i32 @raised() nounwind {
  %flags = call i32 @hybrid_flags()
  ret i32 %flags
}
"""


class Seen:
    """What the parts of one call have raised: machine code in the flags, NumPy by calling `note`."""

    __slots__ = ("flags",)

    def __init__(self) -> None:
        self.flags = 0

    def look(self) -> None:
        """Add what has been raised since `clear`."""
        self.flags |= _functions()[1]()

    def note(self, kind: str, bits: int) -> None:
        """NumPy's report under `np.errstate(call=seen.note)`."""
        self.flags |= _KINDS.get(kind, INVALID)


def clear() -> None:
    """Lower this thread's flags."""
    _functions()[0]()


@lru_cache(maxsize=1)
def _functions() -> tuple[Callable[[], None], Callable[[], int]]:
    target = host()
    code = engine.load(object_for(_SOURCE + support(target), target, quick=True), ("clear", "raised"), {})
    make, read = ctypes.PYFUNCTYPE(None)(code.address("clear")), ctypes.PYFUNCTYPE(ctypes.c_int)(code.address("raised"))
    make.code = code  # type: ignore[attr-defined]  # machine code lives as long as its module
    return make, read
