"""Memory for large arrays: blocks whose pages are in place already, given out again when an array dies.

NumPy lets every array carry its allocator (NEP 49, a capsule around a `PyDataMem_Handler`), so arrays from here own their
data like any other: `flags.owndata` is true, `base` is None, `resize` and pickling work. The allocator is machine code with
no Python in it, and nothing of it is ever freed: arrays may die on any thread, and after the interpreter's modules.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import config as settings
from hybrid.core.config import config

# Arrays of at least this many bytes come from the pool. Below, the C library's heap keeps pages between calls by itself.
LARGE = 256 << 10
HEADER = 64  # bytes before the data, which begins on a cache line; the first eight are the block's length
SLOTS = 256  # idle blocks at most: looking through all of them takes 0.1 µs
HUGE = 4 << 20  # bytes from which the kernel is asked for huge pages, as NumPy does

_SET_HANDLER, _GET_HANDLER, _DEFAULT_HANDLER = 304, 305, 306  # places in NumPy's public table of functions
_LOCK, _LIMIT, _HELD, _COUNT = range(4)  # words of @hybrid_pool_state

_making = threading.RLock()  # reentrant: a garbage collection inside may run code that allocates
_pool: _Pool | None = None


def handlers() -> tuple[object, object] | None:
    """The capsules of the pool and of NumPy's own allocator; None where `config.pool_limit_mb` is 0 or there is no `mmap`.

    The pool stands in for NumPy's allocator only: while a user's is set, arrays are left to that.
    """
    if config.pool_limit_mb <= 0 or not hasattr(mmap, "MAP_ANONYMOUS"):
        return None
    pool = _made()
    return pool.handler, pool.default


def empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """A fresh array, from the pool if it is large.

    >>> empty((1 << 20,), np.dtype("f4")).flags.owndata
    True
    """
    found = handlers() if math.prod(shape) * dtype.itemsize >= LARGE else None
    if found is None or _made().get_handler() is not found[1]:
        return np.empty(shape, dtype)
    _made().set_handler(found[0])
    try:
        return np.empty(shape, dtype)
    finally:
        _made().set_handler(found[1])


def idle() -> tuple[int, int]:
    """How many blocks wait for an array, and their bytes."""
    return (_pool.words[_COUNT], _pool.words[_HELD]) if _pool else (0, 0)


def release() -> None:
    """Give all idle memory back to the system."""
    if _pool:
        _pool.trim(0)


class _Pool:
    """The loaded allocator."""

    __slots__ = ("handler", "default", "words", "trim", "get_handler", "set_handler")

    def __init__(self, limit: int) -> None:
        from hybrid.codegen.target import host  # llvmlite, not needed before something is compiled
        from hybrid.runtime import engine
        from hybrid.runtime.cache import object_for

        names = ("handler", "name", "state", "trim")
        module = engine.load(object_for(_source(), host(), quick=True), tuple(f"hybrid_pool_{name}" for name in names), {})
        where = {name: module.address(f"hybrid_pool_{name}") for name in names}
        new = prototype("PyCapsule_New", ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
        self.handler = new(where["handler"], where["name"], None)
        for forever in (module, self.handler):
            prototype("Py_IncRef", None, ctypes.py_object)(forever)
        self.default = ctypes.cast(numpy_word(_DEFAULT_HANDLER), ctypes.POINTER(ctypes.py_object))[0]
        self.words = (ctypes.c_int64 * 4).from_address(where["state"])
        self.words[_LIMIT] = limit
        self.trim = ctypes.CFUNCTYPE(None, ctypes.c_int64)(where["trim"])
        self.get_handler = ctypes.PYFUNCTYPE(ctypes.py_object)(numpy_word(_GET_HANDLER))
        self.set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(numpy_word(_SET_HANDLER))


def _made() -> _Pool:
    global _pool
    if _pool is None:
        with _making:
            if _pool is None:
                _pool = _Pool(config.pool_limit_mb << 20)
    return _pool


def prototype(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    """A function of CPython's C interface, called with the GIL."""
    # One of our own: types set on an attribute of ctypes.pythonapi are set for every library in the process.
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


def numpy_word(place: int) -> int:
    """An entry of NumPy's public table of functions."""
    get = prototype("PyCapsule_GetPointer", ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    table = get(np._core._multiarray_umath._ARRAY_API, None)  # type: ignore[attr-defined]  # where NumPy's C header finds it
    return ctypes.c_int64.from_address(table + 8 * place).value


def _limit_changed(name: str, before: object, after: object) -> None:
    if name == "pool_limit_mb" and _pool and isinstance(after, int):
        _pool.words[_LIMIT] = after << 20
        _pool.trim(after << 20)


def _after_fork() -> None:
    global _making
    _making = threading.RLock()  # another thread may have been making the pool
    # A thread that had released the GIL may have been inside. Its blocks are forgotten: they stay shared with the parent.
    if _pool and _pool.words[_LOCK]:
        _pool.words[_COUNT] = _pool.words[_HELD] = _pool.words[_LOCK] = 0


settings.listeners.append(_limit_changed)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _source() -> str:
    """LLVM IR of the allocator.

    Idle blocks stand in the order in which they came. A request takes the newest whose length fits to an eighth; when
    the limit or the table is exceeded, the oldest go back to the system. A thread that finds the lock taken does not wait:
    it goes to the system, which is right at any time, after a fork too. Every block is a mapping of its own, so that what
    goes back is gone.
    """
    access, kind = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    nul, advise = "\\00", ""
    if hasattr(mmap, "MADV_HUGEPAGE"):
        advise = f"  call i32 @madvise(ptr %fresh, i64 %bytes, i32 {mmap.MADV_HUGEPAGE})"
    return f"""
%state = type {{ i64, i64, i64, i64 }}  ; lock, limit, bytes held, count
@hybrid_pool_state = global %state zeroinitializer, align 8
@blocks = internal global [{SLOTS} x ptr] zeroinitializer, align 64  ; the oldest first
@lengths = internal global [{SLOTS} x i64] zeroinitializer, align 64
@hybrid_pool_name = constant [12 x i8] c"mem_handler\\00"
; PyDataMem_Handler: name, version, then context, malloc, calloc, realloc, free
@hybrid_pool_handler = global {{ [127 x i8], i8, ptr, ptr, ptr, ptr, ptr }} {{
  [127 x i8] c"hybrid{nul * 121}", i8 1, ptr null, ptr @allocate, ptr @zeroed, ptr @resize, ptr @release
}}, align 64

declare ptr @mmap(ptr, i64, i32, i32, i32, i64)
declare i32 @munmap(ptr, i64)
declare i32 @madvise(ptr, i64, i32)
declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare {{ i64, i1 }} @llvm.umul.with.overflow.i64(i64, i64)
declare i64 @llvm.umin.i64(i64, i64)

define internal i1 @lock() {{
  %pair = cmpxchg ptr @hybrid_pool_state, i64 0, i64 1 acquire monotonic
  %got = extractvalue {{ i64, i1 }} %pair, 1
  ret i1 %got
}}

define internal void @unlock() {{
  store atomic i64 0, ptr @hybrid_pool_state release, align 8
  ret void
}}

; Take idle block i out of the table.
define internal ptr @remove(i64 %i) {{
  %count.at = getelementptr %state, ptr @hybrid_pool_state, i64 0, i32 3
  %held.at = getelementptr %state, ptr @hybrid_pool_state, i64 0, i32 2
  %block.at = getelementptr ptr, ptr @blocks, i64 %i
  %length.at = getelementptr i64, ptr @lengths, i64 %i
  %block = load ptr, ptr %block.at
  %length = load i64, ptr %length.at
  %held = load i64, ptr %held.at
  %held.less = sub i64 %held, %length
  store i64 %held.less, ptr %held.at
  %count = load i64, ptr %count.at
  %count.less = sub i64 %count, 1
  store i64 %count.less, ptr %count.at
  %after = sub i64 %count.less, %i
  %bytes = shl i64 %after, 3
  %block.next = getelementptr ptr, ptr %block.at, i64 1
  %length.next = getelementptr i64, ptr %length.at, i64 1
  call void @llvm.memmove.p0.p0.i64(ptr %block.at, ptr %block.next, i64 %bytes, i1 false)
  call void @llvm.memmove.p0.p0.i64(ptr %length.at, ptr %length.next, i64 %bytes, i1 false)
  ret ptr %block
}}

; Unmap the oldest while more than %bytes are held or more than %most blocks.
define internal void @evict(i64 %bytes, i64 %most) {{
start:
  %count.at = getelementptr %state, ptr @hybrid_pool_state, i64 0, i32 3
  %held.at = getelementptr %state, ptr @hybrid_pool_state, i64 0, i32 2
  br label %next
next:
  %held = load i64, ptr %held.at
  %count = load i64, ptr %count.at
  %heavy = icmp sgt i64 %held, %bytes
  %many = icmp sgt i64 %count, %most
  %over = or i1 %heavy, %many
  %some = icmp sgt i64 %count, 0
  %go = and i1 %over, %some
  br i1 %go, label %drop, label %done
drop:
  %length = load i64, ptr @lengths
  %block = call ptr @remove(i64 0)
  call i32 @munmap(ptr %block, i64 %length)
  br label %next
done:
  ret void
}}

define void @hybrid_pool_trim(i64 %bytes) {{
start:
  %got = call i1 @lock()
  br i1 %got, label %trim, label %done
trim:
  call void @evict(i64 %bytes, i64 {SLOTS})
  call void @unlock()
  br label %done
done:
  ret void
}}

define internal ptr @allocate(ptr %context, i64 %size) {{
start:
  %padded = add i64 %size, {HEADER + mmap.PAGESIZE - 1}
  %bytes = and i64 %padded, -{mmap.PAGESIZE}
  %slack = lshr i64 %bytes, 3
  %most = add i64 %bytes, %slack
  %got = call i1 @lock()
  br i1 %got, label %search, label %map
search:
  %count.at = getelementptr %state, ptr @hybrid_pool_state, i64 0, i32 3
  %count = load i64, ptr %count.at
  br label %next
next:
  %above = phi i64 [%count, %search], [%i, %look]
  %i = sub i64 %above, 1
  %more = icmp sge i64 %i, 0
  br i1 %more, label %look, label %none
look:
  %length.at = getelementptr i64, ptr @lengths, i64 %i
  %length = load i64, ptr %length.at
  %enough = icmp uge i64 %length, %bytes
  %close = icmp ule i64 %length, %most
  %fits = and i1 %enough, %close
  br i1 %fits, label %found, label %next
found:
  %block = call ptr @remove(i64 %i)
  call void @unlock()
  %data = getelementptr i8, ptr %block, i64 {HEADER}
  ret ptr %data
none:
  call void @unlock()
  br label %map
map:
  %first = call ptr @mmap(ptr null, i64 %bytes, i32 {access}, i32 {kind}, i32 -1, i64 0)
  %first.failed = icmp eq ptr %first, inttoptr (i64 -1 to ptr)
  br i1 %first.failed, label %again, label %mapped
again:
  call void @hybrid_pool_trim(i64 0)  ; what is idle must not be missing elsewhere
  %second = call ptr @mmap(ptr null, i64 %bytes, i32 {access}, i32 {kind}, i32 -1, i64 0)
  %second.failed = icmp eq ptr %second, inttoptr (i64 -1 to ptr)
  br i1 %second.failed, label %fail, label %mapped
mapped:
  %fresh = phi ptr [%first, %map], [%second, %again]
  %big = icmp uge i64 %bytes, {HUGE}
  br i1 %big, label %huge, label %ready
huge:
{advise}
  br label %ready
ready:
  store i64 %bytes, ptr %fresh
  %fresh.data = getelementptr i8, ptr %fresh, i64 {HEADER}
  ret ptr %fresh.data
fail:
  ret ptr null
}}

define internal void @release(ptr %context, ptr %data, i64 %size) {{
start:
  %nothing = icmp eq ptr %data, null
  br i1 %nothing, label %done, label %some
some:
  %block = getelementptr i8, ptr %data, i64 -{HEADER}
  %length = load i64, ptr %block
  %limit.at = getelementptr %state, ptr @hybrid_pool_state, i64 0, i32 1
  %limit = load atomic i64, ptr %limit.at monotonic, align 8
  %keep = icmp sle i64 %length, %limit
  br i1 %keep, label %try, label %unmap
try:
  %got = call i1 @lock()
  br i1 %got, label %push, label %unmap
push:
  %room = sub i64 %limit, %length
  call void @evict(i64 %room, i64 {SLOTS - 1})
  %count.at = getelementptr %state, ptr @hybrid_pool_state, i64 0, i32 3
  %held.at = getelementptr %state, ptr @hybrid_pool_state, i64 0, i32 2
  %count = load i64, ptr %count.at
  %block.at = getelementptr ptr, ptr @blocks, i64 %count
  %length.at = getelementptr i64, ptr @lengths, i64 %count
  store ptr %block, ptr %block.at
  store i64 %length, ptr %length.at
  %count.more = add i64 %count, 1
  store i64 %count.more, ptr %count.at
  %held = load i64, ptr %held.at
  %held.more = add i64 %held, %length
  store i64 %held.more, ptr %held.at
  call void @unlock()
  br label %done
unmap:
  call i32 @munmap(ptr %block, i64 %length)
  br label %done
done:
  ret void
}}

define internal ptr @zeroed(ptr %context, i64 %count, i64 %each) {{
start:
  %product = call {{ i64, i1 }} @llvm.umul.with.overflow.i64(i64 %count, i64 %each)
  %size = extractvalue {{ i64, i1 }} %product, 0
  %over = extractvalue {{ i64, i1 }} %product, 1
  br i1 %over, label %fail, label %take
take:
  %data = call ptr @allocate(ptr %context, i64 %size)
  %failed = icmp eq ptr %data, null
  br i1 %failed, label %fail, label %clear
clear:
  call void @llvm.memset.p0.i64(ptr %data, i8 0, i64 %size, i1 false)
  ret ptr %data
fail:
  ret ptr null
}}

; In place while the block is neither too small nor more than twice too large.
define internal ptr @resize(ptr %context, ptr %data, i64 %size) {{
start:
  %nothing = icmp eq ptr %data, null
  br i1 %nothing, label %move, label %some
some:
  %block = getelementptr i8, ptr %data, i64 -{HEADER}
  %length = load i64, ptr %block
  %capacity = sub i64 %length, {HEADER}
  %half = lshr i64 %capacity, 1
  %enough = icmp ule i64 %size, %capacity
  %close = icmp uge i64 %size, %half
  %fits = and i1 %enough, %close
  br i1 %fits, label %stay, label %move
stay:
  ret ptr %data
move:
  %old = phi i64 [0, %start], [%capacity, %some]
  %fresh = call ptr @allocate(ptr %context, i64 %size)
  %failed = icmp eq ptr %fresh, null
  br i1 %failed, label %fail, label %copy
copy:
  %kept = call i64 @llvm.umin.i64(i64 %old, i64 %size)
  call void @llvm.memcpy.p0.p0.i64(ptr %fresh, ptr %data, i64 %kept, i1 false)
  call void @release(ptr %context, ptr %data, i64 %old)
  ret ptr %fresh
fail:
  ret ptr null
}}
"""
