"""The loop language as text: what `str(kernel)` shows, what golden files hold and what error messages quote.

    kernel k0(x: in f32[1024], out: out f32[1024])   # gelu.py:12
      flat i < 1024:
        t0 = x[i]
        out[i] = t0 * 0.5 * (1.0 + tanh(t0))

`Printer` turns expression graphs into infix text with few parentheses, one name per shared node; `codegen/python.py` spells
the same graphs as Python.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.shape import contiguous_strides
from hybrid.loops import nest
from hybrid.loops.nest import Expr, Stmt

# Python's precedences, loosest first.
TERNARY, COMPARE, OR, XOR, AND, SHIFT, SUM, PRODUCT, UNARY, ATOM = range(10)
INFIX: dict[str, tuple[str, int]] = {
    "add": ("+", SUM), "sub": ("-", SUM), "mul": ("*", PRODUCT), "div": ("/", PRODUCT), "floordiv": ("//", PRODUCT),
    "mod": ("%", PRODUCT), "and": ("&", AND), "or": ("|", OR), "xor": ("^", XOR), "shl": ("<<", SHIFT), "shr": (">>", SHIFT),
    "eq": ("==", COMPARE), "ne": ("!=", COMPARE), "lt": ("<", COMPARE), "le": ("<=", COMPARE), "gt": (">", COMPARE),
    "ge": (">=", COMPARE), "scalar_add": ("+", SUM), "scalar_sub": ("-", SUM), "scalar_mul": ("*", PRODUCT),
}  # fmt: skip
# An unshared expression longer than this gets a name all the same, so that lines stay readable.
NAME_BEYOND = 72

Text = tuple[str, int]  # an expression's text and its precedence


def in_order(*roots: Expr) -> list[Expr]:
    """Every distinct node of the graphs, operands first; a loop, since a graph may be deeper than Python's stack."""
    out: list[Expr] = []
    seen: set[int] = set()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        node, finished = stack.pop()
        if finished:
            out.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(nest.children(node)))
    return out


def number(value: object) -> str:
    """The shortest decimal that reads back as this NumPy scalar."""
    dtype = np.asarray(value).dtype
    if dt.KIND[dtype] in "iub":
        return str(value)
    return str(np.float32(value) if dtype == dt.bfloat16 else value)  # type: ignore[arg-type]


def affine(form: Affine) -> Text:
    text = repr(form)
    return text, SUM if any(sign in text[1:] for sign in "+-") else PRODUCT if "*" in text else UNARY if text[
        0
    ] == "-" else ATOM


def infix(symbol: str, level: int, left: Text, right: Text) -> Text:
    """Left-associative, as Python reads it; comparisons do not associate (a < b < c would chain)."""
    return f"{within(left, level + (level == COMPARE))} {symbol} {within(right, level + 1)}", level


def call(function: str, *args: Text) -> Text:
    return f"{function}({', '.join(text for text, _ in args)})", ATOM


def choose(condition: Text, then: Text, otherwise: Text) -> Text:
    return f"{within(then, OR)} if {within(condition, COMPARE)} else {within(otherwise, OR)}", TERNARY


def within(part: Text, level: int) -> str:
    return part[0] if part[1] >= level else f"({part[0]})"


class Printer:
    """Lines of text for statements; subclasses spell the nodes of another language."""

    def __init__(self, kernel: nest.Kernel):
        self.kernel = kernel
        self.lines: list[str] = []
        self.depth = 0
        self.taken = names(kernel)
        self.temporaries = 0

    def line(self, text: str) -> None:
        self.lines.append("  " * self.depth + text)

    def fresh(self, stem: str) -> str:
        """A name that nothing else in the kernel has."""
        name = stem
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def temporary(self) -> str:
        while True:
            name, self.temporaries = f"t{self.temporaries}", self.temporaries + 1
            if name not in self.taken:
                self.taken.add(name)
                return name

    def value(self, root: Expr) -> Text:
        """The text of an expression, after lines that name what it uses more than once."""
        nodes = in_order(root)
        uses = Counter(id(child) for child in chain.from_iterable(map(nest.children, nodes)))
        texts: dict[int, Text] = {}
        for node in nodes:
            text = self.spell(node, [texts[id(child)] for child in nest.children(node)])
            leaf = isinstance(node, (nest.Const, nest.Ref)) or (text[1] == ATOM and isinstance(node, nest.Index))
            if node is not root and not leaf and (uses[id(node)] > 1 or len(text[0]) > NAME_BEYOND):
                name = self.temporary()
                self.line(f"{name} = {text[0]}")
                text = name, ATOM
            texts[id(node)] = text
        return texts[id(root)]

    def spell(self, node: Expr, args: list[Text]) -> Text:
        match node:
            case nest.Const():
                text = number(node.value)
                return text, UNARY if text[0] == "-" else ATOM
            case nest.Ref():
                return node.name, ATOM
            case nest.Index():
                return affine(node.affine)
            case nest.Load():
                guard = f" if {args[0][0]}" if args else ""
                return f"{node.buffer}[{node.offset!r}{guard}]", ATOM
            case nest.Convert():
                return call(dt.SHORT[node.dtype], *args)
            case nest.Bitcast():
                return call(f"bitcast_{dt.SHORT[node.dtype]}", *args)
            case nest.Rescue():
                return call("rescue", args[0], args[1], call(node.name, *args[2:]))
            case nest.Op(name="select"):
                return choose(*args)
            case nest.Op(name="neg" | "scalar_neg"):
                return f"-{within(args[0], UNARY)}", UNARY
            case nest.Op(name="not"):
                return f"~{within(args[0], UNARY)}", UNARY
            case nest.Op() if node.name in INFIX and len(args) == 2:
                return infix(*INFIX[node.name], *args)
            case nest.Op():
                return call(node.name, *args)
        raise TypeError(f"not an expression: {node!r}")

    def statement(self, stmt: Stmt) -> None:
        match stmt:
            case nest.For():
                word = "for" if stmt.kind == "serial" else stmt.kind
                self.line(f"{word} {stmt.index} < {stmt.extent}:")
                self.block(stmt.body)
            case nest.While():
                self.line("while:")
                self.block(stmt.test)
                self.depth += 1
                self.line(f"break unless {self.value(stmt.condition)[0]}")
                self.depth -= 1
                self.block(stmt.body)
            case nest.If():
                self.line(f"if {self.value(stmt.condition)[0]}:")
                self.block(stmt.body)
                if stmt.orelse:
                    self.line("else:")
                    self.block(stmt.orelse)
            case nest.Let():
                self.line(f"{stmt.name} = {self.value(stmt.value)[0]}")
            case nest.Store():
                self.line(f"{stmt.buffer}[{stmt.offset!r}] = {self.value(stmt.value)[0]}")
            case nest.Declare():
                self.line(f"{stmt.name}: {stmt.op} {dt.SHORT[stmt.dtype]}")
            case nest.Accumulate():
                self.line(f"{stmt.name} <- {self.value(stmt.value)[0]}")
            case nest.Scratch():
                self.line(f"{stmt.name}: scratch {dt.SHORT[stmt.dtype]}[{stmt.size}]")
            case nest.Check():
                self.line(f"check {self.value(stmt.condition)[0]} else {stmt.code.name}{f' {stmt.note}' if stmt.note else ''}")
            case nest.Call():
                given = ", ".join((*map(slot, stmt.reads), *(f"{name}" for name in stmt.symbols)))
                note = f"   # {stmt.source}" if stmt.source else ""
                how = "python" if stmt.native is None else f"{stmt.native.function} or python"
                self.line(f"{', '.join(map(slot, stmt.writes))} = {how} {stmt.name}({given}){note}")
            case nest.Routine():
                numbers = [f"{value.name}: {dt.SHORT[value.dtype]}" for value in stmt.values]
                arrays = [f"{b.name}: {b.role} {dt.SHORT[b.dtype]}[{b.size}]" for b in stmt.buffers]
                self.line(f"routine {stmt.name}({', '.join((*numbers, *arrays))}):")
                self.block(stmt.body)
            case nest.Invoke():
                values = [self.value(value)[0] for value in stmt.values]
                results = f"{', '.join(stmt.writes)} = " if stmt.writes else ""
                self.line(f"{results}{stmt.name}({', '.join((*values, *stmt.reads))})")

    def block(self, body: tuple[Stmt, ...]) -> None:
        self.depth += 1
        for stmt in body:
            self.statement(stmt)
        self.depth -= 1


def slot(place: nest.Slot) -> str:
    """An array that Python is given: `x[3,3]`, with its strides where it does not lie in order."""
    plain = place.strides == contiguous_strides(place.shape)
    strides = "" if plain else f" by {','.join(map(str, place.strides))}"
    return f"{place.buffer}[{','.join(map(str, place.shape))}{strides}]"


def names(kernel: nest.Kernel) -> set[str]:
    """Every name the kernel defines."""
    found = {buffer.name for buffer in kernel.buffers} | set(kernel.symbols)
    for stmt in nest.walk(kernel.body):
        if isinstance(stmt, (nest.Let, nest.Declare, nest.Scratch)):
            found.add(stmt.name)
        elif isinstance(stmt, nest.For):
            found.add(stmt.index)
        elif isinstance(stmt, nest.Routine):
            found.update((stmt.name, *(value.name for value in stmt.values), *(buffer.name for buffer in stmt.buffers)))
    return found


def header(kernel: nest.Kernel) -> str:
    buffers = ", ".join(f"{b.name}: {b.role} {dt.SHORT[b.dtype]}[{b.size}]" for b in kernel.buffers)
    symbols = f"; {', '.join(kernel.symbols)}" if kernel.symbols else ""
    return f"kernel {kernel.name}({buffers}{symbols})" + (f"   # {kernel.source}" if kernel.source else "")


def render(kernel: nest.Kernel) -> str:
    """The kernel as text: the same kernel always gives the same text, whatever the identity of its nodes."""
    printer = Printer(kernel)
    printer.line(header(kernel))
    printer.block(kernel.body)
    return "\n".join(printer.lines)


def render_statement(kernel: nest.Kernel, stmt: Stmt) -> str:
    """One statement as text, without the body of a loop or branch: what an error quotes."""
    printer = Printer(kernel)
    if isinstance(stmt, nest.For):
        stmt = nest.For(stmt.index, stmt.extent, (), stmt.kind)
    elif isinstance(stmt, nest.If):
        stmt = nest.If(stmt.condition, ())
    elif isinstance(stmt, nest.While):
        stmt = nest.While((), stmt.condition, ())
    elif isinstance(stmt, nest.Routine):
        stmt = nest.Routine(stmt.name, stmt.values, stmt.reads, stmt.writes, ())
    printer.statement(stmt)
    return "; ".join(line.strip() for line in printer.lines)
