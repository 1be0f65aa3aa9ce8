"""Random differentiable programs in plain NumPy: vectors and matrices through views, writes, branches and loops."""

from __future__ import annotations

import linecache
from collections.abc import Callable

import numpy as np

N = 4
UNARY = (
    "np.sin({})", "np.tanh({})", "np.cos({})", "({} * 0.5)", "(-{})", "np.exp(-{} * {})", "np.sqrt({} * {} + 1.0)", "({} ** 2)",
    "np.log({} * {} + 2.0)", "abs({})", "np.arctan({})", "np.maximum({}, 0.1)", "np.where({} > 0.0, {}, 0.3 * {})",
    "({} ** 3 * 0.2)", "(1.0 / ({} * {} + 1.5))", "np.minimum({}, 0.7)", "np.clip({}, -1.1, 1.3)", "np.expm1({} * 0.3)",
)  # fmt: skip
BINARY = (
    "({} + {})",
    "({} - {})",
    "({} * {})",
    "({} / ({} * 0.1 + 3.0))",
    "np.hypot({}, {} + 2.5)",
    "np.arctan2({}, {} + 4.0)",
)
VECTOR = (
    "{v}[::-1]", "{m}[{k}]", "{m}[:, {k}]", "{m} @ {v}", "{v} @ {m}", "np.cumsum({v})", "np.roll({v}, {k})", "np.sort({v})",
    "{m}.sum(axis={a})", "{m}.mean(axis={a})", "{m}.max(axis={a})", "np.diag({m})", "{v}[np.array([2, 0, 0, 3])]",
    "np.concatenate([{v}[1:], {v}[:1]])", "np.stack([{s}, {s}, {v}[0], {v}[3]])",
    "np.linalg.solve({m} * 0.1 + 3 * np.eye(4), {v})",
    "np.einsum('ij,j->i', {m}, {v})", "({v} - {v}.mean()) / np.sqrt({v}.var() + 0.5)", "np.take({v}, [1, 1, 3, 2])",
)  # fmt: skip
MATRIX = (
    "{m}.T", "np.outer({v}, {v})", "{m} @ {m} * 0.3", "{m} + {v}", "{v}[:, None] * {m}", "np.tril({m})", "np.flip({m}, {a})",
    "np.cumsum({m}, axis={a}) * 0.5", "{m}.reshape(2, 8).reshape(4, 4)", "np.where({m} > {v}, {m}, {v})",
    "np.kron({m}[:2, :2], {m}[2:, 2:])",
    "np.linalg.inv({m} * 0.1 + 3 * np.eye(4))", "np.tile({v}, (4, 1))", "np.sort({m}, axis={a})", "{m}[[3, 1, 1, 0]]",
)  # fmt: skip
SCALAR = (
    "{v}.sum()", "{m}.mean()", "{v}[{k}]", "{m}[{k}, 1]", "{v} @ {v}", "{m}.max()",
    "np.prod({v} * 0.3 + 1.5)", "np.linalg.det({m} * 0.1 + 2 * np.eye(4))",
    "np.linalg.norm({v} + 3.0)", "np.trace({m})", "{v}.std()", "np.median({v})",
)  # fmt: skip
PLACES = {
    "v": ("[{k}]", "[1:]", "[::2]", "[::-1]", "[np.array([3, 1])]", "[{v} > 0.2]", "[{k}:]"),
    "m": (
        "[{k}]",
        "[:, {k}]",
        "[1:, ::2]",
        "[{k}, {k}]",
        ".T[1]",
        "[1:].T[0]",
        "[{m} > 0.4]",
        "[::-1, 1:3]",
        "[np.array([0, 2])]",
    ),
}
LOOP_PLACES = {"v": ("[i]", "[i:]", "[: i + 1]", "[i - 1]"), "m": ("[i]", "[:, i]", "[i, i:]", "[: i + 1, i]", "[i, :i]")}


class Writer:
    """One program; `names` are the variables there are, by kind: s(calar), v(ector), m(atrix)."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.names = {"s": ["s0"], "v": ["x"], "m": ["m0"]}
        self.lines = ["def program(x):", "    s0 = x[0] * 0.7", "    m0 = np.outer(x, x[::-1]) * 0.4 + M"]
        self.count = 0

    def pick(self, items):
        return items[self.rng.integers(len(items))]

    def fill(self, text: str) -> str:
        while "{" in text:
            kind = text[text.index("{") + 1]
            value = {"k": lambda: str(self.rng.integers(N)), "a": lambda: str(self.rng.integers(2))}.get(
                kind,
                lambda: self.pick(self.names[kind]),  # noqa: B023
            )()
            text = text.replace("{" + kind + "}", value, 1)
        return text

    def expression(self, kind: str, depth: int = 2) -> str:
        choice = self.rng.random()
        if depth == 0 or choice < 0.2:
            return self.pick(self.names[kind])
        if choice < 0.45:
            form, inner = self.pick(UNARY), self.expression(kind, depth - 1)
            return form.format(*[inner] * form.count("{}"))
        if choice < 0.7:
            other = self.pick(["s", kind])
            return self.pick(BINARY).format(self.expression(kind, depth - 1), self.expression(other, depth - 1))
        return f"({self.fill(self.pick({'s': SCALAR, 'v': VECTOR, 'm': MATRIX}[kind]))})"

    def bounded(self, kind: str) -> str:
        """An expression that stays small, however often it is applied."""
        return f"np.tanh({self.expression(kind)})" if self.rng.random() < 0.6 else f"({self.expression(kind)}) * 0.5"

    def statement(self, indent: str, depth: int, loop: bool = False) -> None:
        choice, add = self.rng.random(), self.lines.append
        if choice < 0.4 or (depth == 0 and choice >= 0.75):
            kind = self.pick(["s", "v", "m"])
            inside = len(indent) > 4
            if inside:
                add(f"{indent}{self.pick(self.names[kind][1:] or self.names[kind])} = {self.bounded(kind)}")
            else:
                self.count += 1
                name = f"{kind}{self.count}"
                add(f"{indent}{name} = {self.bounded(kind)}")
                self.names[kind].append(name)
        elif choice < 0.75:
            self.write(indent, loop)
        elif choice < 0.87:
            add(f"{indent}if {self.expression('s', 1)} > {self.rng.normal():.2f}:")
            self.statement(indent + "    ", depth - 1, loop)
            if self.rng.random() < 0.6:
                add(f"{indent}else:")
                self.statement(indent + "    ", depth - 1, loop)
        elif not loop:
            add(f"{indent}for i in range({self.pick(['4', '1, 4', '3, 0, -1', '0, 4, 2'])}):")
            for _ in range(self.rng.integers(1, 3)):
                self.statement(indent + "    ", depth - 1, True)
            if self.rng.random() < 0.25:
                add(f"{indent}    if {self.expression('s', 1)} > 1.0:")
                add(f"{indent}        {self.pick(['break', 'continue'])}")
        else:
            self.write(indent, loop)

    def write(self, indent: str, loop: bool) -> None:
        """A write into a copy, made just before where that is not in a loop."""
        kind = self.pick(["v", "m"])
        name = self.pick(self.names[kind][1:] or [""])
        if not name or (len(indent) == 4 and self.rng.random() < 0.4):
            if len(indent) > 4:
                self.lines.append(f"{indent}s0 = {self.bounded('s')}")
                return
            self.count += 1
            copied, name = self.pick(self.names[kind]), f"{kind}{self.count}"
            self.lines.append(f"{indent}{name} = {copied} * 1.0")
            self.names[kind].append(name)
        places = LOOP_PLACES[kind] if loop and self.rng.random() < 0.7 else PLACES[kind]
        place = self.fill(self.pick(places).replace("{" + kind + "}", name))
        form = self.pick(
            [
                "{n} = np.sin({n}) + {s}",
                "{n} *= {s}",
                "{n} += {s}",
                "{n} = {s}",
                "{n} = 0.25",
                "{n} += {n} * {n} * 0.3",
                "{n} -= 0.5 * {n}",
            ]
        )
        target = name + place
        self.lines.append(
            indent + form.replace("{n}", target).replace("{s}", self.pick([f"np.tanh({self.pick(self.names['s'])})", "0.8"]))
        )

    def source(self) -> str:
        for _ in range(self.rng.integers(3, 7)):
            self.statement("    ", 2)
        ends = [f"({name} * W{kind}).sum()" for kind in "vm" for name in self.names[kind][-3:]] + self.names["s"][-2:]
        self.lines.append(f"    return {' + '.join(ends)}")
        return "\n".join(self.lines)


def program(seed: int) -> tuple[Callable, str]:
    """A function of four numbers, and its source."""
    source = Writer(seed).source()
    name = f"<random program {seed}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    rng = np.random.default_rng(0)
    known = {"np": np, "M": rng.normal(size=(N, N)), "Wv": rng.normal(size=N), "Wm": rng.normal(size=(N, N))}
    exec(compile(source, name, "exec"), known)
    return known["program"], source
