"""The reference: `python docs/reference.py` writes docs/reference/*.md from the docstrings, one page for each room of names."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import scipy.special

import hybrid as hy
from hybrid.core.config import Config
from hybrid.frontend.elementwise import Elementwise
from hybrid.frontend.random import Generator
from hybrid.runtime.profile import Profile

FOLDER = Path(__file__).parent / "reference"
# Page -> its title, what it says first, and (section, modules whose public names it holds).
ROOMS: dict[str, tuple[str, str, tuple[tuple[str, str], ...]]] = {
    "arrays": ("Arrays", "Making arrays, giving them other shapes, joining, splitting and picking.", (
        ("New arrays", "frontend.creation"), ("Shapes", "frontend.shaping"), ("Joins and splits", "frontend.joins"),
        ("Gathers and patterns", "frontend.gathering"), ("Borders", "frontend.borders"),
        ("Dtypes and devices", "frontend.inspection"))),
    "tensor": ("Tensor", "What `hybrid` makes and NumPy takes.", (("Tensor", "frontend.tensor"),)),
    "elementwise": ("Elementwise", "One result for each element; operands broadcast, and Python numbers take the dtype of "
                    "arrays beside them. `out`, `where` and `dtype` are NumPy's.", (
        ("Functions of numbers", "ufuncs"),
        ("Further functions", "frontend.compositions frontend.complex_parts frontend.elementwise"),
        ("Activations", "frontend.activations"))),
    "reductions": ("Reductions and orders", "Over one axis, several (a tuple), or all (None). `keepdims=True` leaves them with "
                   "size 1, `out` takes the result, `initial` and `where` are NumPy's.", (
        ("Reductions", "frontend.reductions"), ("Orders and sets", "frontend.orders frontend.standard frontend.queries "
         "frontend.selected frontend.leading"), ("Sampled data", "frontend.signals frontend.quantiles"))),
    "linalg": ("Linear algebra", "Matrices are the last two axes; axes before them broadcast.", (
        ("", "frontend.linear frontend.matrices frontend.einstein"),)),
    "fft": ("Fourier transforms", "`hy.fft`, NumPy's `np.fft`.", (("", "frontend.spectral"),)),
    "random": ("Random numbers", "`hy.random`: streams that give the same numbers eagerly and compiled, on any number of "
               "threads. The functions draw from one stream that all share; a generator has the same methods and a stream of "
               "its own.",
               (("", "frontend.random"),)),
    "compile": ("Compiling", "The decorator, what it says of a function, and what changes how it runs.", (
        ("The decorator", "staging.function staging.aside staging.fallback"), ("Times", "runtime.profile"),
        ("Arguments", "core.spec core.tree"))),
    "gradients": ("Gradients", "Functions to functions, and tapes; `x.backward()` is on the page of [tensors](tensor.md).", (
        ("Functions of functions", "transforms.derived transforms.jacobians transforms.batched"),
        ("Remembered operations", "transforms.gradients transforms.watching"),
        ("Rules of one's own", "transforms.custom transforms.user transforms.checkpoint transforms.check"))),
    "control": ("Control", "Branches and loops as functions. Python's own `if`, `while` and `for` are compiled, too.",
                (("", "control.constructs"),)),
    "export": ("Export", "`hy.export`: graphs out of the process.", (("", "export.saved"),)),
    "config": ("Settings, dtypes, errors", "", ()),
}  # fmt: skip
INTRO = "The examples know `import numpy as np` and `import hybrid as hy`."
ELSEWHERE = {"stop_gradient": "transforms.gradients"}
NAMESPACES = ("linalg", "fft", "random", "export")
INTERNAL = ("entries", "put_in_front", "unlock", "withdraw")  # methods that the rooms of a decorated function call
MADE_ELSEWHERE = (hy.Tensor, Generator, hy.export.Saved, Warning)  # classes that nobody calls
# Whose methods are shown below it, and what they are called on.
BELOW: dict[Any, tuple[type, str]] = {
    Generator: (Generator, "rng"), hy.profile: (Profile, "p"), hy.export.Saved: (hy.export.Saved, "f"),
    hy.GradientTape: (hy.GradientTape, "tape"), hy.custom_gradient: (hy.custom_gradient, "f"),
}  # fmt: skip


def names() -> dict[str, Any]:
    """Every public name, `hy.sum` and `hy.linalg.solve`, and what it stands for."""
    found = {f"hy.{name}": getattr(hy, name) for name in hy.__all__}
    for space in NAMESPACES:
        module = found.pop(f"hy.{space}")
        for name in getattr(module, "__all__", None) or public(module):
            found.setdefault(f"hy.{space}.{name}", getattr(module, name))
    return found


def public(module: ModuleType) -> Iterator[str]:
    """The names that a module defines."""
    for name, value in vars(module).items():
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__:
            yield name


def methods(owner: type) -> dict[str, Any]:
    """The public methods and properties of a class, with those of ours that it inherits."""
    found = {}
    for name in dir(owner):
        value = inspect.getattr_static(owner, name)
        if not name.startswith("_") and (callable(value) or isinstance(value, (property, staticmethod))):
            found[name] = value
    return found


def function_methods() -> dict[str, Any]:
    """What a decorated function has beside its calls."""
    return {name: value for name, value in methods(type(hy.function(abs).__hybrid__)).items() if name not in INTERNAL}


def room_of(name: str, value: Any) -> str:
    """The module whose section a name is in."""
    if isinstance(value, Elementwise):
        return "ufuncs"
    module = getattr(value, "__module__", None) or ""
    return ELSEWHERE.get(name.removeprefix("hy."), module.removeprefix("hybrid."))


# one name -----------------------------------------------------------------------------------------------------------------
def shown(default: Any) -> str:
    if default is np._NoValue:
        return "..."
    if isinstance(default, type) and issubclass(default, np.generic):
        return f"np.{default.__name__}"
    return repr(default).replace("'", '"')  # as ruff writes it


def signature(value: Any) -> str:
    """The parameters without their annotations."""
    if isinstance(value, Elementwise):
        count = value.ufunc.nin if isinstance(value.ufunc, np.ufunc) else getattr(scipy.special, value.name).nin
        return f"({', '.join('xy'[:count])}, /, *, out=None, where=True, dtype=None)"
    if isinstance(value, type) and issubclass(value, MADE_ELSEWHERE):
        return ""
    out: list[str] = []
    kinds = []
    for name, given in inspect.signature(value).parameters.items():
        if name == "self":
            continue
        if kinds and kinds[-1] is given.POSITIONAL_ONLY and given.kind is not given.POSITIONAL_ONLY:
            out.append("/")
        if given.kind is given.KEYWORD_ONLY and not {given.KEYWORD_ONLY, given.VAR_POSITIONAL} & set(kinds):
            out.append("*")
        stars = {given.VAR_POSITIONAL: "*", given.VAR_KEYWORD: "**"}.get(given.kind, "")
        out.append(stars + name + ("" if given.default is given.empty else f"={shown(given.default)}"))
        kinds.append(given.kind)
    if kinds and kinds[-1] is inspect.Parameter.POSITIONAL_ONLY:
        out.append("/")
    return f"({', '.join(out)})"


def docstring(value: Any) -> str:
    return inspect.getdoc(value.fget if isinstance(value, property) else value) or ""


def text_and_example(value: Any) -> tuple[str, str]:
    """A docstring in two: what it says, and its session."""
    said, found, session = docstring(value).partition(">>> ")
    return said.rstrip(), (found + session).rstrip()


def prose(said: str) -> Iterator[str]:
    """What a docstring says, its sections as lists."""
    for block in said.split("\n\n"):
        head, _, rest = block.partition("\n")
        if head not in ("Args:", "Raises:", "Returns:"):
            yield from (re.sub(r"(?<!`)\[(?!`)", r"\\[", block), "")
            continue
        yield from (f"*{head}*", "")
        for item in re.split(r"\n(?= {4}\S)", rest):
            line = " ".join(part.strip() for part in item.split("\n"))
            name, colon, what = line.partition(": ")
            yield f"- `{name}`: {what}" if colon and head != "Returns:" else f"- {line}"
        yield ""


def entry(names_of_it: Iterable[str], value: Any, level: int = 3) -> Iterator[str]:
    """A name on a page: heading, signature, what it says, example."""
    called = list(names_of_it)
    said, example = text_and_example(value)
    yield from (f"{'#' * level} {', '.join(f'`{name}`' for name in called)}", "")
    parameters = signature(value) if callable(value) else ""
    if parameters:
        yield from ("```python", called[0] + parameters, "```", "")
    yield from prose(said)
    if example:
        yield from ("```python", example, "```", "")


def own_methods(found: dict[str, Any], instance: str, level: int) -> Iterator[str]:
    for name, value in found.items():
        if docstring(value):
            yield from entry([f"{instance}.{name}"], value, level)


# the pages -----------------------------------------------------------------------------------------------------------------
def slug(called: list[str]) -> str:
    """The anchor of a heading, as GitHub and MyST make it."""
    return "-".join(re.sub(r"[^\w]", "", name.lower()) for name in called)


def grouped(found: dict[str, Any]) -> list[tuple[list[str], Any]]:
    """Names of one thing together, the shorter namespace and the thing's own name first."""
    groups: dict[int, tuple[list[str], Any]] = {}
    for name, value in found.items():
        groups.setdefault(id(getattr(value, "__func__", value)), ([], value))[0].append(name)
    for called, value in groups.values():
        called.sort(key=lambda name: (name.count("."), name.rpartition(".")[2] != getattr(value, "__name__", ""), name))
    return sorted(groups.values(), key=lambda group: group[0][0].lower())


def sections(page: str, found: dict[str, Any]) -> Iterator[str]:
    for title, modules in ROOMS[page][2]:
        if title:
            yield from (f"## {title}", "")
        level = 3 if title else 2
        for called, value in grouped({k: v for k, v in found.items() if room_of(k, v) in modules.split()}):
            yield from entry(called, value, level)
            if value in BELOW:
                owner, instance = BELOW[value]
                own = {k: v for k, v in methods(owner).items() if k in vars(owner) and f"hy.random.{k}" not in found}
                yield from own_methods(own, instance, level + 1)


def tensor(found: dict[str, Any]) -> Iterator[str]:
    """The methods: those that are functions by their names, the others with what they say."""
    places = {id(value): (page, called) for page in ROOMS for called, value in on(page, found)}
    theirs, own = [], {}
    for name, value in methods(hy.Tensor).items():
        if id(value) in places:
            theirs.append((name, *places[id(value)]))
        else:
            own[name] = value
    kinds: tuple[tuple[str, Callable[[Any], bool]], ...] = (
        ("Properties", lambda value: isinstance(value, property)), ("Methods", lambda value: not isinstance(value, property)),
    )  # fmt: skip
    for title, is_one in kinds:
        yield from (f"## {title}", "")
        for called, value in grouped({f"x.{k}": v for k, v in own.items() if is_one(v)}):
            yield from entry(called, value)
    yield from ("## Functions as methods", "", "`x.name(...)` is the function with `x` as its first argument.", "")
    yield from ("| method | function |", "|---|---|")
    yield from (f"| `x.{name}` | [`{called[0]}`]({page}.md#{slug(called)}) |" for name, page, called in theirs)
    yield ""


def on(page: str, found: dict[str, Any]) -> list[tuple[list[str], Any]]:
    modules = " ".join(modules for _, modules in ROOMS[page][2]).split()
    return grouped({k: v for k, v in found.items() if room_of(k, v) in modules})


def compiled() -> Iterator[str]:
    yield from ("## Decorated functions", "", "`f` is what `hy.function` returns.", "")
    for name, value in function_methods().items():
        yield from entry([f"f.{name}"], value)


def settings(found: dict[str, Any]) -> Iterator[str]:
    """What are no functions: settings, dtypes, numbers, errors."""
    yield from ("## Settings", "")
    yield from entry(["hy.config"], hy.config)
    yield from entry(["hy.config.override"], Config.override)
    notes = dict(re.findall(r"^    (\w+): \w+ = [^#\n]*# (.*)$", inspect.getsource(Config), re.MULTILINE))
    yield from ("| setting | default | |", "|---|---|---|")
    yield from (f"| `{field.name}` | `{field.default!r}` | {notes[field.name]} |" for field in fields(Config))
    yield from ("", "## Dtypes", "", "NumPy's, and `bfloat16`; anything that NumPy takes for a dtype will do.", "")
    yield from ("| name | bytes |", "|---|---|")
    yield from (f"| `{k}` | {v.itemsize} |" for k, v in found.items() if isinstance(v, np.dtype))
    yield from ("", "## Constants", "", "| name | value |", "|---|---|")
    yield from (f"| `{k}` | `{v!r}` |" for k, v in found.items() if v is None or isinstance(v, (float, str)))
    yield from ("", "## Errors", "", "`hy.errors`; [errors](../errors.md) shows what they say.", "")
    yield from ("| class | is also a | |", "|---|---|---|")
    for name in public(found["hy.errors"]):
        error = getattr(hy.errors, name)
        also = ", ".join(f"`{base.__name__}`" for base in error.__bases__ if base is not hy.errors.HybridError)
        yield f"| `{name}` | {also} | {docstring(error).partition(chr(10) * 2)[0]} |"
    yield ""


def pages() -> dict[str, str]:
    """The text of every page."""
    found = names()
    out = {}
    for page, (title, first, _) in ROOMS.items():
        lines = [f"# {title}", "", *([first, ""] if first else []), INTRO, "", *sections(page, found)]
        lines += tensor(found) if page == "tensor" else compiled() if page == "compile" else ()
        lines += settings(found) if page == "config" else ()
        out[page] = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"
    return out


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for page, text in pages().items():
        (FOLDER / f"{page}.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
