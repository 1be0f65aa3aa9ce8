"""What an array-API consumer may ask: versions, devices, dtypes and their limits."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import ArgumentError, DTypeError
from hybrid.frontend.values import Value, strong

VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")
_MAX_DIMENSIONS = 64  # NumPy's
# By the standard's names; float16 and bfloat16 are none of its dtypes.
_DTYPES: dict[str, dict[str, np.dtype]] = {
    kind: {"bool" if each == dt.bool_ else each.name: each for each in dtypes}
    for kind, dtypes in {
        "bool": (dt.bool_,), "signed integer": dt.SIGNED, "unsigned integer": dt.UNSIGNED,
        "real floating": (dt.float32, dt.float64), "complex floating": dt.COMPLEX,
    }.items()
}  # fmt: skip
_UNIONS = {
    "integral": ("signed integer", "unsigned integer"),
    "numeric": ("signed integer", "unsigned integer", "real floating", "complex floating"),
}
_LETTERS = {"bool": "b", "signed integer": "i", "unsigned integer": "u", "real floating": "f", "complex floating": "c",
            "integral": "iu", "numeric": "iufc"}  # fmt: skip


def checked_version(version: str | None) -> None:
    """Refuse a version of the standard that the namespace does not have."""
    if version not in (None, *VERSIONS):
        raise ArgumentError("no such version of the array-API standard", got=version, expected=", ".join(VERSIONS))


def on_cpu(device: Any) -> None:
    if device not in (None, "cpu"):
        raise ArgumentError("arrays live on the CPU", got=device, expected="cpu")


class Info:
    """What the namespace can do, as the standard's `__array_namespace_info__` has it."""

    def capabilities(self) -> dict[str, Any]:
        """Both kinds of sizes that values decide are there; arrays have at most 64 axes."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": _MAX_DIMENSIONS}

    def default_device(self) -> str:
        return "cpu"

    def devices(self) -> list[str]:
        return ["cpu"]

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype]:
        """The dtypes of Python data and of new arrays: those of the setting `default_float`."""
        on_cpu(device)
        return {"real floating": dt.default_float(), "complex floating": dt.default_complex(), "integral": dt.int64,
                "indexing": dt.int64}  # fmt: skip

    def dtypes(self, *, device: Any = None, kind: str | tuple[str, ...] | None = None) -> dict[str, np.dtype]:
        """The standard's dtypes of a kind, or of several, by name."""
        on_cpu(device)
        asked = tuple(_DTYPES) if kind is None else kind if isinstance(kind, tuple) else (kind,)
        unknown = [name for name in asked if name not in _LETTERS]
        if unknown:
            raise ArgumentError("no such kind of dtypes", got=unknown[0], expected=", ".join(_LETTERS))
        kinds = [part for name in asked for part in _UNIONS.get(name, (name,))]
        return {name: found for part in kinds for name, found in _DTYPES[part].items()}


def __array_namespace_info__() -> Info:
    """The namespace's capabilities, devices and dtypes.

    >>> __array_namespace_info__().default_dtypes()["real floating"]
    dtype('float32')
    """
    return Info()


def _dtype_of(type: Any) -> np.dtype:
    return strong(type) if isinstance(type, (Value, np.ndarray, np.generic)) else dt.canonical(type)


class finfo:
    """The limits of a floating-point dtype, or of that of an array, as Python floats; of a complex one, those of its parts.

    >>> finfo("float32").eps, finfo("complex128").dtype
    (1.1920928955078125e-07, dtype('float64'))
    """

    def __init__(self, type: Any, /):
        dtype = dt.real_of(_dtype_of(type))
        if not dt.is_float(dtype):
            raise DTypeError("finfo asks for a floating-point dtype", got=str(dtype), fix="iinfo has the limits of integers")
        self._limits: Any = ml_dtypes.finfo(dtype) if dtype == dt.bfloat16 else np.finfo(dtype)
        self.dtype, self.bits = dtype, int(self._limits.bits)
        self.eps, self.max, self.min = float(self._limits.eps), float(self._limits.max), float(self._limits.min)
        self.smallest_normal = self.tiny = float(self._limits.smallest_normal)

    def __getattr__(self, name: str) -> Any:
        # NumPy's further limits: resolution, precision, epsneg and others.
        if name.startswith("_"):
            raise AttributeError(name)
        limit = getattr(self._limits, name)
        return float(limit) if isinstance(limit, np.floating) else limit

    def __repr__(self) -> str:
        return f"finfo(dtype={self.dtype}, bits={self.bits}, eps={self.eps}, max={self.max}, min={self.min})"


class iinfo:
    """The limits of an integer dtype, or of that of an array.

    >>> iinfo("int8")
    iinfo(dtype=int8, bits=8, max=127, min=-128)
    """

    def __init__(self, type: Any, /):
        dtype = _dtype_of(type)
        if not dt.is_integer(dtype):
            raise DTypeError("iinfo asks for an integer dtype", got=str(dtype), fix="finfo has the limits of floats")
        limits = np.iinfo(dtype)
        self.dtype, self.bits, self.max, self.min = dtype, int(limits.bits), int(limits.max), int(limits.min)

    def __repr__(self) -> str:
        return f"iinfo(dtype={self.dtype}, bits={self.bits}, max={self.max}, min={self.min})"


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is another, or of a kind ("bool", "integral", "real floating", …), or one of a tuple of such.

    >>> isdtype(np.dtype("float32"), ("integral", "real floating"))
    True
    """
    found = dt.canonical(dtype)
    if isinstance(kind, tuple):
        return any(isdtype(found, each) for each in kind)
    if isinstance(kind, str) and kind in _LETTERS:
        return dt.KIND[found] in _LETTERS[kind]
    return found == dt.canonical(kind)


def can_cast(from_: Any, to: Any, casting: str = "safe") -> bool:
    """Whether values of a dtype, or of an array's, may be converted to another by a rule of NumPy's.

    >>> can_cast("int32", "float64"), can_cast("float64", "float32")
    (True, False)
    """
    source, target = _dtype_of(from_), _dtype_of(to)
    if casting == "safe" and dt.bfloat16 in (source, target):
        return dt.promote(source, target) == target  # NumPy has no rule for it
    return bool(np.can_cast(source, target, casting))  # type: ignore[arg-type]
