"""Functions that the user compiled with Numba, called from traced code with traced numbers: linked into the kernel.

Numba's code for the types of a call is asked for, as the call itself would; where LLVM has proved that it does nothing but
compute its result from its operands, it becomes an operation of the graph. Its `int32 status` becomes a check: a call in
which it would raise is handed to Python.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import re
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from hybrid.codegen import foreign
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import Dim, TensorType, broadcast
from hybrid.frontend import integers
from hybrid.frontend.values import (
    Value,
    active,
    converted,
    kind_of,
    operand,
    result_kind,
    shape_of,
    strong,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.primitive import NO_GRADIENT, Kind, Primitive
from hybrid.ir.trace import Symbol, Trace
from hybrid.loops.nest import FOREIGN
from hybrid.ops import elementwise as e
from hybrid.ops import reduce
from hybrid.ops.family import map_shape
from hybrid.staging import jitted_arrays
from hybrid.staging.effects import unwatched

COST = 100  # cycles, as far as anybody knows: too much to compute twice, or in vain
# What LLVM says of a function that touches no memory but that of its result and its error.
_PURE = re.compile(r"memory\((?:none|argmem: write)\)")
_WORDS = {"float": 32, "double": 64, "i1": 1, "i8": 8, "i16": 16, "i32": 32, "i64": 64}


def called(function: Any) -> Callable:
    """What traced code calls in place of one of Numba's functions."""
    if hasattr(function, "py_func") and hasattr(function, "overloads"):
        return functools.partial(_call, function)
    return functools.partial(_elementwise, function) if type(function).__name__ == "DUFunc" else function


def _call(function: Any, *args: Any, **kwargs: Any) -> Any:
    trace = active() if tr.current() is not None else None
    if trace is None:
        return function(*args, **kwargs)
    name = function.__name__
    bound = inspect.signature(function.py_func).bind(*args, **kwargs)
    bound.apply_defaults()
    values = [integers.integer(trace, x) if isinstance(x, Dim) else x for x in bound.args]
    if bound.kwargs:
        raise _refused(name, "it takes keywords only")
    if any(map(jitted_arrays.is_array, values)):
        return _of_arrays(trace, function, values)
    types = tuple(_type(name, x) for x in values)
    if not function._can_compile and types not in function.overloads:
        raise _refused(name, f"it has no signature for {', '.join(map(str, types))}")
    compiled = _linked(function, types)
    if isinstance(compiled, str):  # it cannot be inlined; machine code may call it
        return _of_arrays(trace, function, values)
    if not any(isinstance(x, Value) and type(x._data) is Symbol for x in values):
        return function(*args, **kwargs)  # it has no effects, so that one call is as good as many
    words = tuple(_word(trace, operand(trace, x, _dtype(x))) for x in values)
    return integers.python(trace, _recorded(trace, compiled, words, name))


def _of_arrays(trace: Trace, function: Any, values: Sequence[Any]) -> Any:
    try:
        return jitted_arrays.called(function, values, lambda why: _refused(function.__name__, why, fatal=False))
    except TraceError as error:
        if not trace.inside:
            trace.fail(error)  # in case the traced code catches it
        raise


def _elementwise(function: Any, *args: Any, **kwargs: Any) -> Any:
    """A ufunc of Numba's: NumPy's rules decide which of its loops a call takes, and Numba makes one where there is none."""
    if tr.current() is None:
        return function(*args, **kwargs)
    name, trace = function.__name__, active()
    if kwargs or len(args) != function.nin or function.nout != 1:
        raise _refused(name, "it is called with more than its operands")
    for x in args:
        _type(name, x if not shape_of(x) else _dtype(x).type(0))
    given = tuple(type(x) if type(x) in (int, float) else _dtype(x) for x in args)
    if all(isinstance(kind, type) for kind in given):
        raise _refused(name, "its operands are all Python numbers")
    loop = _loop(function, given) or _loop(function, given, tuple(_numba_type(_dtype(x)) for x in args))
    if loop is None:
        raise _refused(name, f"it has no loop for {', '.join(map(str, given))}")
    types = tuple(_numba_type(dtype) for dtype in loop[:-1])
    compiled = _compiled(function, types)
    shape = broadcast(*(shape_of(x) for x in args))
    words = tuple(_word(trace, operand(trace, x, dtype, shape)) for x, dtype in zip(args, loop))
    out = converted(trace, _recorded(trace, compiled, words, name), loop[-1])
    return wrap(trace.fresh(out, result_kind(args, shape)))


def _loop(function: Any, given: tuple, make: tuple | None = None) -> tuple[np.dtype, ...] | None:
    """The dtypes of the loop that NumPy takes for these operands, after making one for the types in `make`."""
    try:
        if make is not None and not function._frozen:
            with unwatched():
                function.add(make)
        return function.ufunc.resolve_dtypes((*given, None))
    except TypeError:
        return None


def _recorded(trace: Trace, compiled: Linked, words: tuple[Atom, ...], name: str) -> Atom:
    """The result of a linked function, as a number."""
    if compiled.failed is not None:
        status = trace.one(compiled.failed, *words)
        if status.type.shape:
            status = trace.one(reduce.max, status, axes=tuple(range(status.type.ndim)))
        trace.assume(trace.one(e.eq, status, tr.literal(0, dt.int64)), f"{name} does not raise")
    out = trace.one(compiled.value, *words)
    if compiled.result == dt.float64:
        return trace.one(e.bitcast, out, dtype=dt.float64)
    return trace.one(e.ne, out, tr.literal(0, dt.int64)) if compiled.result == dt.bool_ else out


def _refused(name: str, why: str, fatal: bool = True) -> TraceError:
    error = TraceError(f"{name}, compiled by Numba, cannot be compiled in: {why}", at=tr.user_line())
    trace = tr.current()
    if trace is not None and fatal and not trace.inside:
        trace.fail(error)
    return error


_companions: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def companion(decorated: Any) -> Any:
    """The Numba function that stands for a decorated one in the user's own Numba code."""
    import numba

    if decorated not in _companions:
        plain = decorated.function
        _companions[decorated] = plain if hasattr(plain, "py_func") else numba.njit(plain)
    return _companions[decorated]


# operands ----------------------------------------------------------------------------------------------------------------
def _dtype(x: Any) -> np.dtype:
    data = unwrap(x)
    return data.type.dtype if type(data) is Symbol else strong(x)


def _numba_type(dtype: np.dtype) -> Any:
    import numba

    return numba.from_dtype(dtype)


def _type(name: str, x: Any) -> Any:
    """Numba's type of an argument."""
    if isinstance(x, (Value, np.ndarray)) and (shape_of(x) or kind_of(x) in ("tensor", "ndarray")):
        raise _refused(name, "an argument is an array")
    data = unwrap(x)
    dtype = data.type.dtype if type(data) is Symbol else strong(x) if isinstance(x, (bool, int, float, np.generic)) else None
    if dtype is None or dtype not in (*dt.INTEGERS, dt.bool_, dt.float32, dt.float64) or dtype == dt.uint64:
        raise _refused(name, f"an argument is a {dtype or type(x).__name__}")
    if type(x) is int and not -(2**63) <= x < 2**63:
        raise _refused(name, "an integer is too large")
    return _numba_type(dtype)


def _word(trace: Trace, atom: Atom) -> Atom:
    """A number as a word of 64 bits."""
    dtype = atom.type.dtype
    if dt.is_float(dtype):
        atom = trace.one(e.bitcast, atom, dtype=dt.int64 if dtype == dt.float64 else dt.int32)
    return atom if atom.type.dtype == dt.int64 else trace.one(e.convert, atom, dtype=dt.int64)


# functions ---------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Linked:
    """A function for given types: the operation that gives its result, the one that gives its status if it can fail."""

    value: Primitive
    failed: Primitive | None
    result: np.dtype  # of the Python number that Numba makes of it


_known: dict[tuple[Any, tuple], Linked | str] = {}


def _compiled(function: Any, types: tuple) -> Linked:
    found = _linked(function, types)
    if isinstance(found, str):
        raise _refused(function.__name__, found)
    return found


def _linked(function: Any, types: tuple) -> Linked | str:
    """The function for these types, or why it cannot be inlined."""
    key = function, types
    if key not in _known:
        with unwatched():
            _known[key] = _link(function, types)
    return _known[key]


def _link(function: Any, types: tuple) -> Linked | str:
    """The function for these types, or why it cannot be linked."""
    from numba.core import errors

    try:
        dispatcher = getattr(function, "_dispatcher", function)  # of a ufunc: that of its scalar function
        if _overload(dispatcher, types) is None:
            dispatcher.compile(types)
        made = _overload(dispatcher, types)
        text = made.library.get_llvm_str()
    except errors.NumbaError as error:
        return f"Numba says: {str(error).strip().splitlines()[0]}"
    result = _result(made.signature.return_type)
    if made.objectmode or result is None:
        return f"it gives a {made.signature.return_type}"
    module, why = _alone(text, made.fndesc.llvm_func_name)
    if why:
        return why
    wrapped, fails = _wrapped(module, str(made.signature.return_type), len(types))
    digest = hashlib.sha256(wrapped.encode()).hexdigest()[:16]
    name = f"{FOREIGN}n{digest}"
    wrapped = wrapped.replace("@foreign.HERE", f"@{name}")
    dtypes = [np.dtype(str(t)) if str(t) != "bool" else dt.bool_ for t in types]
    value = _primitive(f"numba.{function.__name__}", name, function, dtypes, result, False)
    foreign.register(name, len(types), wrapped)
    failed = None
    if fails:
        foreign.register(f"{name}_failed", len(types), wrapped)
        failed = _primitive(f"numba.{function.__name__}.failed", f"{name}_failed", function, dtypes, result, True)
    return Linked(value, failed, result)


def _overload(dispatcher: Any, types: tuple) -> Any:
    """What it was compiled to for these types, if it was; ufuncs keep that by whole signatures."""
    return next((made for key, made in dispatcher.overloads.items() if tuple(getattr(key, "args", key)) == types), None)


def _result(kind: Any) -> np.dtype | None:
    """The dtype of the Python number that Numba makes of a result."""
    name = str(kind)
    if name in ("float32", "float64"):
        return dt.float64
    if name == "bool":
        return dt.bool_
    return dt.int64 if name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32") else None


def _alone(text: str, name: str) -> tuple[str, str]:
    """The module with only this function in it, as @foreign.HERE.body; or why it has more effects than to give a result."""
    module = llvm.parse_assembly(text, llvm.create_context())
    for item in (*module.functions, *module.global_variables):
        if not item.is_declaration:
            item.linkage = "external" if item.name == name else "internal"
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    machine = llvm.Target.from_triple(module.triple or llvm.get_process_triple()).create_target_machine()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    main = module.get_function(name)
    main.name = "foreign.HERE.body"
    main.linkage = "internal"
    cleaned = str(module)
    head = _HEAD.search(cleaned)
    group = re.search(r"#(\d+)", cleaned[head.end() : cleaned.index("\n", head.end())]) if head else None
    attributes = re.search(rf"^attributes #{group[1]} = .*$", cleaned, re.MULTILINE) if group else None
    if attributes is None or not _PURE.search(attributes[0]):
        return "", "it has effects, or calls what may have some"
    if "inttoptr" in cleaned:
        return "", "it reads memory from around it"
    return cleaned, ""


_HEAD = re.compile(r"^define [^@]*@foreign\.HERE\.body\((.*)\) ", re.MULTILINE)


def _wrapped(module: str, result: str, arity: int) -> tuple[str, bool]:
    """The module with functions of words around its function; whether that can fail."""
    head = _HEAD.search(module)
    assert head is not None
    kinds = [re.sub(r"\([^()]*\)+", "", part).split()[0] for part in foreign.parameters(head[1])][2:]
    assert len(kinds) == arity and all(kind in _WORDS for kind in kinds), head[0]
    lines = ["  %ret = alloca i64", "  %error = alloca ptr", "  store i64 0, ptr %ret", "  store ptr null, ptr %error"]
    given = ["ptr %ret", "ptr %error"]
    for k, kind in enumerate(kinds):
        lines += _narrowed(f"%a{k}", f"%x{k}", kind)
        given.append(f"{kind} %x{k}")
    lines.append(f"  %status = call i32 @foreign.HERE.body({', '.join(given)})")
    kept = {"float64": "double", "float32": "float", "bool": "i8"}.get(result) or f"i{re.sub(r'[^0-9]', '', result)}"
    lines.append(f"  %got = load {kept}, ptr %ret")
    if kept == "float":
        lines += ["  %wide = fpext float %got to double", "  %word = bitcast double %wide to i64"]
    elif kept == "double":
        lines.append("  %word = bitcast double %got to i64")
    elif kept == "i64":
        lines.append("  %word = add i64 %got, 0")
    else:
        lines.append(f"  %word = {'zext' if result.startswith('u') or result == 'bool' else 'sext'} {kept} %got to i64")
    body = "\n".join(lines)
    operands = ", ".join(f"i64 %a{k}" for k in range(arity))
    fails = any(line.strip() != "ret i32 0" for line in module.splitlines() if line.strip().startswith("ret i32 "))
    parts = [module, f"define i64 @foreign.HERE({operands}) {{\n{body}\n  ret i64 %word\n}}\n"]
    if fails:
        parts.append(
            f"define i64 @foreign.HERE_failed({operands}) {{\n{body}\n  %code = zext i32 %status to i64\n  ret i64 %code\n}}\n"
        )
    return "\n".join(parts), fails


def _narrowed(word: str, name: str, kind: str) -> list[str]:
    if kind == "i64":
        return [f"  {name} = add i64 {word}, 0"]
    if kind == "double":
        return [f"  {name} = bitcast i64 {word} to double"]
    if kind == "float":
        return [f"  {name}i = trunc i64 {word} to i32", f"  {name} = bitcast i32 {name}i to float"]
    return [f"  {name} = trunc i64 {word} to {kind}"]


def _primitive(title: str, body: str, function: Any, dtypes: list[np.dtype], result: np.dtype, failed: bool) -> Primitive:
    def one(*words: Any) -> int:
        given = [_decoded(word, dtype) for word, dtype in zip(words, dtypes)]
        try:
            out = function(*given)
        except Exception:
            return int(failed)  # the check of its status fails
        return 0 if failed else int(np.asarray(out, result).view(np.int64)) if result == dt.float64 else int(out)

    def evaluate(*arrays: Any) -> np.ndarray:
        if not any(map(np.ndim, arrays)):
            return np.asarray(one(*arrays), np.int64)
        return np.vectorize(one, otypes=[np.int64])(*arrays)

    def infer(*types: TensorType) -> TensorType:
        return TensorType(dt.int64, map_shape(title, types))

    return Primitive(title, Kind.MAP, evaluate, infer, NO_GRADIENT, lambda rng: [], body=body, cost=COST)


def _decoded(word: Any, dtype: np.dtype) -> Any:
    whole = np.asarray(word, np.int64)
    if dtype == dt.float64:
        return whole.view(np.float64)[()]
    return whole.astype(np.int32).view(np.float32)[()] if dtype == dt.float32 else whole.astype(dtype)[()]
