"""LLVM IR line by line: names, branches, and the words of an entry's table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hybrid.staging.spec import API, REFERENCES, TABLE


class Writer:
    """Straight-line code over SSA names.

    `references` are the Python objects the code names, in the order of their words in the table.
    """

    def __init__(self, references: Sequence[object]):
        self.lines: list[str] = []
        self.allocas: list[str] = []
        self.names = 0
        self.place = {id(value): REFERENCES + at for at, value in enumerate(references)}
        self.used: set[str] = set()  # what of SUPPORT the text needs

    def put(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def let(self, text: str) -> str:
        self.names += 1
        self.put(f"%v{self.names} = {text}")
        return f"%v{self.names}"

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")

    def fresh(self, stem: str) -> str:
        self.names += 1
        return f"{stem}{self.names}"

    def alloca(self, kind: str, align: int = 8) -> str:
        name = f"%s{len(self.allocas)}"
        self.allocas.append(f"  {name} = alloca {kind}, align {align}")
        return name

    def at(self, base: str, offset: int | str) -> str:
        return base if offset in (0, "0") else self.let(f"getelementptr i8, ptr {base}, i64 {offset}")

    def load(self, kind: str, base: str, offset: int = 0) -> str:
        return self.let(f"load {kind}, ptr {self.at(base, offset)}")

    def word(self, at: int, kind: str = "ptr") -> str:
        return self.load(kind, f"@{TABLE}", 8 * at)

    def store_word(self, at: int, kind: str, value: str) -> None:
        self.put(f"store {kind} {value}, ptr {self.at(f'@{TABLE}', 8 * at)}")

    def add_word(self, at: int, amount: int) -> str:
        before = self.word(at, "i64")
        self.store_word(at, "i64", self.let(f"add i64 {before}, {amount}"))
        return before

    def ref(self, value: object) -> str:
        """The address of a Python object the spec refers to."""
        return self.word(self.place[id(value)])

    def call(self, name: str, result: str, *args: str) -> str:
        text = f"call {result} {self.word(API[name])}({', '.join(args)})"
        if result != "void":
            return self.let(text)
        self.put(text)
        return ""

    def icmp(self, how: str, kind: str, a: str | int, b: str | int) -> str:
        return self.let(f"icmp {how} {kind} {a}, {b}")

    def require(self, condition: str, otherwise: str = "miss") -> None:
        ok = self.fresh("ok")
        self.put(f"br i1 {condition}, label %{ok}, label %{otherwise}")
        self.label(ok)

    def either(self, condition: str, then: Callable[[], str], otherwise: Callable[[], str], kind: str) -> str:
        """A value that two branches compute."""
        yes, no, join = self.fresh("yes"), self.fresh("no"), self.fresh("join")
        self.put(f"br i1 {condition}, label %{yes}, label %{no}")
        incoming = []
        for label, branch in ((yes, then), (no, otherwise)):
            self.label(label)
            value, end = branch(), self.fresh("end")
            self.put(f"br label %{end}")  # the branch may have ended in a block of another name
            self.label(end)
            self.put(f"br label %{join}")
            incoming.append(f"[{value}, %{end}]")
        self.label(join)
        return self.let(f"phi {kind} {', '.join(incoming)}")

    def support(self, name: str, call: str) -> str:
        """Call a function of `SUPPORT`, which then joins the text."""
        self.used.add(name)
        text = f"call {call}"
        if not call.startswith("void"):
            return self.let(text)
        self.put(text)
        return ""
