"""Functions whose control flow calls handlers, made from the source of the user's functions.

`convert(f, handlers)` is f with another code object: the same globals, defaults and closure cells, the same file and line
numbers. The source is trusted only if compiling it gives the very code that f has. Code is converted once; a function that
stays as it is has a `reason`.
"""

from __future__ import annotations
import __future__

import ast
import contextlib
import functools
import inspect
import linecache
import os
import re
import sys
import threading
import types
import warnings
import weakref
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hybrid.core import forks
from hybrid.core.shadows import cell, getattr_static, space
from hybrid.staging.exits import PREFIX
from hybrid.staging.liveness import CONSUMERS
from hybrid.staging.pushing import turned, unpushable
from hybrid.staging.rewrite import HANDLERS, refusal, rewrite

_FUTURE = functools.reduce(lambda flags, name: flags | getattr(__future__, name).compiler_flag, __future__.all_feature_names, 0)
_GENERATOR = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_SHAPE = ("co_name", "co_firstlineno", "co_code", "co_linetable", "co_exceptiontable", "co_names", "co_varnames",
          "co_cellvars", "co_freevars")  # fmt: skip
_INVENTED = re.compile(rf"\.<locals>\.{PREFIX}\w+")
_COPIED = ("__module__", "__doc__", "__qualname__", "__annotations__", "__kwdefaults__", "__type_params__")
_PARSING = threading.Lock()  # CPython 3.11 mixes up the recursion depths of two threads that convert trees
forks.free_in_child(_PARSING)
_SAID = [("ignore", None, kind, None, 0) for kind in (SyntaxWarning, DeprecationWarning)]
_BEGINS = re.compile(r"[^\W\d]|@")  # a line that starts a statement of a module, unless it is part of a text or in brackets
_IMPORTS = re.compile(r"(import|from [\w.]+ import) [\w., *(]+(#.*)?$")
_TREES = 32  # syntax trees that are kept: of statements of a module, or of all of one


@dataclass(frozen=True, slots=True)
class Form:
    """What became of a code object: its converted form, or why there is none (both None: nothing in it to convert)."""

    code: types.CodeType | None = None
    reason: str | None = None


# By identity: equal code may come from different files.
_forms: dict[tuple[int, str], tuple[weakref.ref[types.CodeType], Form]] = {}


_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def convert(function: Any, handlers: Any) -> Any:
    """The function with its control flow given to `handlers`, or itself where it cannot be converted.

    Args:
        function: a function, a method, a `functools.partial` or an object whose class defines `__call__` in Python.
        handlers: an instance of `hybrid.control.plain.Plain`.
    """
    if isinstance(function, types.FunctionType):
        code = _form(function).code
        if code is None and not _has_shadows(function):
            return function
        return _function(function, code or function.__code__, handlers)
    if isinstance(function, types.MethodType):
        inner = convert(function.__func__, handlers)
        return function if inner is function.__func__ else types.MethodType(inner, function.__self__)
    if type(function) is functools.partial:
        inner = convert(function.func, handlers)
        return function if inner is function.func else functools.partial(inner, *function.args, **function.keywords)
    call = _call(function)
    if isinstance(call, types.FunctionType):
        inner = convert(call, handlers)
        return function if inner is call else types.MethodType(inner, function)
    return function


def convert_generator(function: Any, handlers: Any, stops: bool) -> Any:
    """A generator function, or method, turned inside out (`pushing.py`); None where that cannot be."""
    plain = getattr(function, "__func__", function)
    form = _form(plain, "stop" if stops else "push")
    if form.code is None:
        return None
    made = _function(plain, form.code, handlers)
    if plain is function:
        return made
    return lambda emit, *args, **kwargs: made(emit, function.__self__, *args, **kwargs)


def convert_root(function: Any, handlers: Any) -> Any:
    """The traced function itself; what `hybrid.grad` and its kin give is ours, and opens what it calls."""
    code = getattr(function, "__code__", None)
    return function if code is not None and code.co_filename.startswith(_PACKAGE) else convert(function, handlers)


def is_converted(function: Any) -> bool:
    """Whether a function calls handlers already."""
    code = getattr(function, "__code__", None)
    return code is not None and HANDLERS in code.co_freevars


def reason(function: Any) -> str | None:
    """Why `convert` gives a function back as it is; None if it does not, or if nothing in it is control flow or a call."""
    if isinstance(function, types.FunctionType):
        return _form(function).reason
    if isinstance(function, types.MethodType):
        return reason(function.__func__)
    if type(function) is functools.partial:
        return reason(function.func)
    call = _call(function)
    return reason(call) if isinstance(call, types.FunctionType) else "it is not written in Python"


def _call(value: Any) -> Any:
    """What calling an object runs."""
    return getattr_static(type(value), "__call__", None)


def _function(function: types.FunctionType, code: types.CodeType, handlers: Any) -> types.FunctionType:
    cells = dict(zip(function.__code__.co_freevars, map(cell, function.__closure__ or ())))
    if HANDLERS not in cells:
        cells[HANDLERS] = types.CellType(handlers)
    closure = tuple(cells[name] for name in code.co_freevars)
    made = types.FunctionType(code, space(function.__globals__), function.__name__, function.__defaults__, closure)
    made.__dict__.update(function.__dict__)
    for name in _COPIED:
        if hasattr(function, name):
            setattr(made, name, getattr(function, name))
    return made


def _has_shadows(function: types.FunctionType) -> bool:
    """Whether a trace has variables of its own for some of those that a function finds around it."""
    known = function.__closure__ or ()
    return space(function.__globals__) is not function.__globals__ or any(cell(one) is not one for one in known)


def _form(function: types.FunctionType, kind: str = "") -> Form:
    """Its converted form; `kind`: of a generator function, "push" or "stop"."""
    code = function.__code__
    key = id(code), kind
    known = _forms.get(key)
    if known is not None and known[0]() is code:
        return known[1]
    try:
        form = Form(_converted(function, kind)) if not is_converted(function) else Form()
    except _Unconvertible as error:
        form = Form(reason=str(error))
    _forms[key] = weakref.ref(code, functools.partial(_forget, key)), form
    return form


def _forget(key: tuple[int, str], reference: weakref.ref, forms: dict = _forms) -> None:
    if key in forms and forms[key][0] is reference:  # bound early: module globals may be gone at exit
        del forms[key]


class _Unconvertible(Exception):
    """The message is the reason."""


def _converted(function: types.FunctionType, kind: str = "") -> types.CodeType | None:
    """The converted code of a function; None if it would be the same."""
    code = function.__code__
    if code.co_flags & _GENERATOR and not (kind and code.co_flags & inspect.CO_GENERATOR):
        raise _Unconvertible("it is a generator or a coroutine")
    node, owner = _source(function)
    if kind:
        if (why := unpushable(node)) is not None:
            raise _Unconvertible(why)
        node = turned(node, kind == "stop", node.name)
    why = refusal(node)
    if why is not None:
        raise _Unconvertible(why)
    try:
        consumers = CONSUMERS.difference(function.__globals__, code.co_freevars)
        rewrite(node, functools.partial(_mangled, owner), consumers)
        out = _compiled(node, owner, code, (HANDLERS, *code.co_freevars))
    except (RecursionError, SyntaxError) as error:  # Python's own limits on nesting
        raise _Unconvertible(f"its control flow is nested too deeply ({error})") from None
    if not kind and HANDLERS not in out.co_freevars:
        return None
    return _named(out, out.co_qualname, code.co_qualname, {_mark(const): const for const in _constants(code)})


def _mangled(owner: str | None, name: str) -> str:
    """What a private name becomes in a class."""
    prefix = (owner or "").lstrip("_")
    return f"_{prefix}{name}" if prefix and name.startswith("__") and not name.endswith("__") else name


def _compiled(node: Any, owner: str | None, code: types.CodeType, free: tuple[str, ...]) -> types.CodeType:
    """Compile a tree with the names in `free` as variables of a function around it, in a class if there is one."""
    arguments = ast.arguments([], [ast.arg(name) for name in free], None, [], [], None, [])
    inner = ast.Return(node) if isinstance(node, ast.Lambda) else node
    # A function that calls itself means the global of its name, unless that is a variable of the function around it.
    recursive = isinstance(node, ast.FunctionDef) and node.name not in free
    names: list[ast.stmt] = [ast.Global([node.name])] if recursive else []
    outer: ast.stmt = ast.FunctionDef(PREFIX + "factory", arguments, [*names, inner], [], None, None)
    if hasattr(node, "type_params"):
        node.type_params = []  # names that are among `free` if the function uses them
    if sys.version_info >= (3, 12):
        outer.type_params = []
    if owner is not None:
        outer = ast.ClassDef(owner, [], [], [outer], [])
        if sys.version_info >= (3, 12):
            outer.type_params = []
    top = ast.fix_missing_locations(ast.Module([ast.copy_location(outer, node)], []))
    with _quietly():
        out = compile(top, code.co_filename, "exec", code.co_flags & _FUTURE, dont_inherit=True)
    for _ in range(2 if owner is None else 3):  # the last code is that of the body: decorators and defaults stand before it
        out = [const for const in out.co_consts if isinstance(const, types.CodeType)][-1]
    return out


def _constants(code: types.CodeType) -> Iterator[Any]:
    """Those of a code object and of all in it."""
    for inner in _inner(code):
        for const in inner.co_consts:
            yield from (const, *const) if isinstance(const, tuple) else (const,)


def _mark(const: Any) -> Hashable:
    """What tells one constant from another: 0.0 is another one than -0.0, 0 and False."""
    return type(const), repr(const)


def _named(code: types.CodeType, old: str, new: str, known: Mapping[Hashable, Any]) -> types.CodeType:
    """Code whose nested functions are named as in the user's source; parts of a function are named like the function.

    Args:
        known: the user's constants, which are these very objects: other code of the same file may return them, too.
    """

    def name_of(qualified: str) -> str:
        return new + _INVENTED.sub("", qualified[len(old) :]) if qualified.startswith(old) else qualified

    name = name_of(code.co_qualname)
    consts = [
        _named(const, old, new, known) if isinstance(const, types.CodeType) else known.get(_mark(const), const)
        for const in code.co_consts
    ]
    if not code.co_flags & inspect.CO_OPTIMIZED:
        consts = [name if const == code.co_qualname else const for const in consts]  # the body of a class holds its name
    return code.replace(co_name=name.rpartition(".")[2], co_qualname=name, co_consts=tuple(consts))


# Source ----------------------------------------------------------------------------------------------------------------
def _source(function: types.FunctionType) -> tuple[Any, str | None]:
    """A copy of the tree of a function, and the name of the class it is in."""
    code = function.__code__
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, function.__globals__)
    if not lines:
        raise _Unconvertible("its source is not available")
    found = _found(_around(lines, code.co_firstlineno), code) or _found("".join(lines), code)
    if found is None:
        raise _Unconvertible("its source is not what it was compiled from (an edited file, or a tool that rewrites code?)")
    return _clone(found[0]), found[1]


def _around(lines: list[str], line: int) -> str:
    """The statement of a module that a line seems to be in, at its place, and the imports before it, on which code depends.

    To read all of a long file takes a tenth of a second.
    """
    first = last = min(line, len(lines)) - 1
    while first > 0 and not _BEGINS.match(lines[first]):
        first -= 1
    decorated = lines[first].startswith("@")
    while (last := last + 1) < len(lines) and (decorated or not _BEGINS.match(lines[last])):
        decorated = decorated and (lines[last].startswith("@") or not _BEGINS.match(lines[last]))
    return "".join([*_imports(lines[:first]), *lines[first:last]])


def _imports(lines: list[str]) -> Iterator[str]:
    """The lines that import at the level of a module; empty ones for others."""
    goes_on = False
    for text in lines:
        imports = goes_on or _IMPORTS.match(text)
        goes_on = bool(imports) and ")" not in text and (goes_on or "(" in text)
        yield text if imports else "\n"


def _found(text: str, code: types.CodeType) -> tuple[Any, str | None] | None:
    """The tree of a function in a text that gives its very code, and the name of the class it is in."""
    if not any(_same(made, code) for made in _codes_of(text, code.co_filename, code.co_flags & _FUTURE)):
        return None
    fitting = [pair for pair in _candidates(_parsed(text), code.co_firstlineno, code.co_name, None) if _spans(pair[0], code)]
    return fitting[-1] if fitting else None  # the innermost of nested lambdas


@functools.lru_cache(_TREES)
def _codes_of(text: str, filename: str, flags: int) -> tuple[types.CodeType, ...]:
    """All code objects of a text: what a function compiles to depends on what the module around it imports."""
    try:
        with _quietly():
            return tuple(_inner(compile(text, filename, "exec", flags, dont_inherit=True)))
    except (SyntaxError, ValueError):
        return ()


def _inner(code: types.CodeType) -> Iterator[types.CodeType]:
    """A code object and all those in it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _inner(const)


def _spans(node: Any, code: types.CodeType) -> bool:
    """Whether all of a code object comes from a tree: several lambdas may start on one line."""
    if not isinstance(node, ast.Lambda):
        return True
    start, end = (node.body.lineno, node.body.col_offset), (node.body.end_lineno, node.body.end_col_offset)
    found = [place for place in code.co_positions() if place[2] != place[3] and None not in place]
    return all(start <= (at[0], at[2]) and (at[1], at[3]) <= end for at in found)


@functools.lru_cache(_TREES)
def _parsed(text: str) -> ast.Module:
    with _quietly():
        return ast.parse(text)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """What Python warns of in the user's source it has said when it compiled that.

    `warnings.catch_warnings` would make Python forget which warnings it has shown once.
    """
    with _PARSING:
        filters: list = warnings.filters  # type: ignore[assignment]
        filters[:0] = _SAID
        try:
            yield
        finally:
            for said in _SAID:
                filters.remove(said)


def _candidates(node: ast.AST, line: int, name: str, owner: str | None) -> Iterator[tuple[ast.AST, str | None]]:
    """Functions of a name that start at a line, outermost first; and the class around each."""
    for child in ast.iter_child_nodes(node):
        decorators = getattr(child, "decorator_list", None) or ()
        first = min((part.lineno for part in (child, *decorators)), default=0) if hasattr(child, "lineno") else 0
        if first > line or getattr(child, "end_lineno", line) < line:
            continue
        if first == line and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            if getattr(child, "name", "<lambda>") == name:
                yield child, owner
        yield from _candidates(child, line, name, child.name if isinstance(child, ast.ClassDef) else owner)


def _clone(node: Any) -> Any:
    """A deep copy of a syntax tree, in a third of the time of `copy.deepcopy`."""
    if isinstance(node, list):
        return [_clone(item) for item in node]
    if not isinstance(node, ast.AST) or isinstance(node, ast.expr_context):
        return node
    out = type(node).__new__(type(node))
    for name, value in vars(node).items():
        setattr(out, name, _clone(value))
    return out


def _same(a: types.CodeType, b: types.CodeType) -> bool:
    """Whether two code objects do the same, at the same places of a file."""
    if any(getattr(a, name) != getattr(b, name) for name in _SHAPE) or len(a.co_consts) != len(b.co_consts):
        return False
    for x, y in zip(a.co_consts, b.co_consts):
        if isinstance(x, types.CodeType) and isinstance(y, types.CodeType):
            if not _same(x, y):
                return False
        elif type(x) is not type(y) or x != y:
            return False
    return True
