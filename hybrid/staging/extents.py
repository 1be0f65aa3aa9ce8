"""What all guards have in common: classes, sizes of arrays and lists as code of an entry has them, and where bytes are."""

from __future__ import annotations

from dataclasses import dataclass

from hybrid.core.errors import CompileError
from hybrid.core.shape import Dim, Shape, Size, product
from hybrid.staging import capi
from hybrid.staging.spec import EntrySpec, byte_range
from hybrid.staging.writer import Writer


@dataclass(frozen=True)
class View:
    """Where the bytes of an array are."""

    data: str
    shape: Shape
    strides: Shape  # in bytes
    itemsize: int


Equal = tuple[str, Size, str]  # a value, what it must be once all symbols are bound, and an extent that excuses it up to 1


class Extents(Writer):
    """The part of `Checks` that binds the symbols of sizes."""

    def __init__(self, spec: EntrySpec):
        super().__init__(spec.references)
        self.spec = spec
        self.sizes: dict[Size, str] = {}  # symbols and polynomials already computed

    def size(self, size: Size) -> str:
        """An i64 operand for a size whose symbols are bound."""
        if not isinstance(size, Dim):
            return str(size)
        if size not in self.sizes:
            free = [name for name in size.symbols if Dim.symbol(name) not in self.sizes]
            if free:
                raise CompileError(f"size {size} cannot be known when the call comes in", got=f"no axis of size {free[0]}",
                                   expected="each symbol alone as a size of some array argument")  # fmt: skip
            total = "0"
            for monomial, coefficient in size.terms:
                term = str(coefficient)
                for name in monomial:
                    factor = self.sizes[Dim.symbol(name)]
                    term = factor if term == "1" else self.let(f"mul i64 {term}, {factor}")
                total = term if total == "0" else self.let(f"add i64 {total}, {term}")
            self.sizes[size] = total
        return self.sizes[size]

    def exact(self, it: str, cls: type) -> None:
        self.require(self.icmp("eq", "ptr", self.load("ptr", it, capi.TYPE), self.ref(cls)))

    def axis(self, found: str, size: Size, later: list[Equal]) -> None:
        if not isinstance(size, Dim):
            self.require(self.icmp("eq", "i64", found, size))
        elif size in self.sizes:
            self.require(self.icmp("eq", "i64", found, self.sizes[size]))
        elif len(size.symbols) == 1 and size == Dim.symbol(*size.symbols):
            self.sizes[size] = found
        else:
            later.append((found, size, ""))

    def span(self, view: View) -> tuple[str, str]:
        """The first byte of an array and the one after its last; the same where it is empty."""
        count = product(view.shape)
        if count == 0:
            return view.data, view.data
        if not isinstance(count, Dim) and not any(isinstance(stride, Dim) for stride in view.strides):
            low, high = byte_range(view.shape, view.strides, view.itemsize)  # type: ignore[arg-type]
            return self.at(view.data, low), self.at(view.data, high)
        first, last = "0", str(view.itemsize)
        for size, stride in zip(view.shape, view.strides):
            reach = self.let(f"mul i64 {self.size(size - 1)}, {self.size(stride)}")
            positive = self.icmp("sgt", "i64", reach, 0)
            first = self.let(f"add i64 {first}, {self.let(f'select i1 {positive}, i64 0, i64 {reach}')}")
            last = self.let(f"add i64 {last}, {self.let(f'select i1 {positive}, i64 {reach}, i64 0')}")
        if isinstance(count, Dim):
            last = self.let(f"select i1 {self.icmp('eq', 'i64', self.size(count), 0)}, i64 {first}, i64 {last}")
        return self.at(view.data, first), self.at(view.data, last)
