"""Affine forms `c0 + c1*i + c2*j`: where a loop nest reads and writes. Coefficients are sizes, so they may be symbolic."""

from __future__ import annotations

from collections.abc import Mapping

from hybrid.core.shape import Size


class Affine:
    """An immutable affine form over named integer variables (loop indices, or integers bound by `Let`).

    >>> i, j = Affine.var("i"), Affine.var("j")
    >>> 1024 * i + j + 3
    1024*i + j + 3
    """

    __slots__ = ("terms", "const", "_hash")

    def __init__(self, terms: Mapping[str, Size] | None = None, const: Size = 0):
        self.terms: dict[str, Size] = {name: c for name, c in (terms or {}).items() if c != 0}
        self.const = const
        self._hash: int | None = None

    @staticmethod
    def var(name: str) -> Affine:
        return Affine({name: 1})

    @staticmethod
    def of(value: Affine | Size) -> Affine:
        return value if isinstance(value, Affine) else Affine(None, value)

    def coefficient(self, name: str) -> Size:
        return self.terms.get(name, 0)

    def __add__(self, other: Affine | Size) -> Affine:
        other = Affine.of(other)
        terms = dict(self.terms)
        for name, c in other.terms.items():
            terms[name] = terms.get(name, 0) + c
        return Affine(terms, self.const + other.const)

    __radd__ = __add__

    def __sub__(self, other: Affine | Size) -> Affine:
        return self + Affine.of(other) * -1

    def __mul__(self, factor: Size) -> Affine:
        return Affine({name: c * factor for name, c in self.terms.items()}, self.const * factor)

    __rmul__ = __mul__

    def substitute(self, bindings: Mapping[str, Affine]) -> Affine:
        out = Affine(None, self.const)
        for name, c in self.terms.items():
            out = out + bindings.get(name, Affine.var(name)) * c
        return out

    @property
    def is_constant(self) -> bool:
        return not self.terms

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Affine) and self.terms == other.terms and self.const == other.const)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((frozenset(self.terms.items()), self.const))
        return self._hash

    def __repr__(self) -> str:
        parts = [name if c == 1 else f"{_wrap(c)}*{name}" for name, c in self.terms.items()]
        if not parts or self.const != 0:
            parts.append(str(self.const))
        return " + ".join(parts).replace("+ -", "- ")


def _wrap(size: Size) -> str:
    text = str(size)
    return f"({text})" if "+" in text or "-" in text[1:] else text
