"""`x.flags` of an array that is traced: what the trace knows of its memory."""

from __future__ import annotations

from typing import Any, NoReturn

from hybrid.frontend.calls import unsupported
from hybrid.ir.trace import Symbol

_ORDER = frozenset(("c_contiguous", "f_contiguous", "contiguous", "fortran", "fnc", "forc", "aligned"))
_WRITING = frozenset(("writeable", "behaved", "carray", "farray"))
_SHORT = {"C": "c_contiguous", "F": "f_contiguous", "A": "aligned", "W": "writeable", "B": "behaved", "CA": "carray",
          "FA": "farray"}  # fmt: skip


class Flags:
    """How an array lies in memory and whether it may be written; to set either is Python's, as is the rest that NumPy says.

    >>> hy.function(lambda x: x.T.flags.f_contiguous, strict=True)(np.ones((2, 3)))
    True
    """

    __slots__ = ("_known", "_writeable")
    _known: Any
    _writeable: bool

    def __init__(self, symbol: Symbol):
        object.__setattr__(self, "_known", symbol.proto.flags)
        object.__setattr__(self, "_writeable", bool(symbol.cell.writeable and symbol.proto.flags.writeable))

    def __getattr__(self, name: str) -> Any:
        if name in _WRITING:
            return self._writeable and getattr(self._known, name)
        if name in _ORDER or not hasattr(self._known, name):
            return getattr(self._known, name)
        raise unsupported(f"the flag {name} of an array")

    def __getitem__(self, name: str) -> Any:
        self._known[name]  # which knows what is none
        return getattr(self, _SHORT.get(name, name.lower()))

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise unsupported(f"to set the flag {name} of an array", "set it outside")

    def __setitem__(self, name: str, value: Any) -> NoReturn:
        raise unsupported(f"to set the flag {name} of an array", "set it outside")

    def __eq__(self, other: object) -> bool:
        raise unsupported("to compare flags of arrays")

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise unsupported("the text of the flags of an array")
