"""Parallel loops: `hybrid_parallel` cuts an iteration range into one piece per thread. `SUPPORT` declares it for LLVM text.

The threads belong to one of Numba's threading layers (OpenMP, TBB or its work queue), loaded without importing Numba. They
start at the first loop long enough to be cut. One parallel loop runs at a time: a loop started inside another one, or by
another Python thread meanwhile, runs on its own thread, which is right, never oversubscribes the processor, and is the
only safe way with the work queue.
"""

from __future__ import annotations

import ctypes
import os
import sys
import warnings
from functools import lru_cache
from types import ModuleType

from hybrid.codegen.flags import support
from hybrid.codegen.target import host
from hybrid.core import config as settings
from hybrid.core.config import cpu_count, environment_default
from hybrid.runtime import engine, extension
from hybrid.runtime.cache import object_for

LAYERS = ("omppool", "tbbpool", "workqueue")  # the first that loads; forking and joining two threads takes 0.3 µs with OpenMP

# GNU OpenMP reads its settings while it is loaded. By default a waiting thread spins for 5 ms, and on a busy machine keeps
# the very thread it waits for off the processor: a loop of 0.14 ms took 8 to 16 ms, with 2000 rounds (0.1 ms) 0.36 ms.
SPINS = "2000"


class _Pool(ctypes.Structure):
    """What machine code sees, in the order of `%hybrid.pool`."""

    _fields_ = [
        ("threads", ctypes.c_int64),  # how many a loop may use, the caller's among them
        ("busy", ctypes.c_int64),  # 1 while a parallel loop runs
        ("start", ctypes.c_void_p),  # void(): fills the rest in
        ("parallel_for", ctypes.c_void_p),
        ("get_num_threads", ctypes.c_void_p),
        ("set_num_threads", ctypes.c_void_p),
    ]


_pool = _Pool(threads=cpu_count())
_layer: str | None = None  # of LAYERS, once started
_launched = 0  # threads the layer was started with
_lost = False  # this process is a fork of one whose threads had started: they do not exist here


def symbols() -> dict[str, int]:
    """Addresses of the external symbols of `SUPPORT`, for `engine.load`."""
    sync()
    return {"hybrid_parallel": _code().address("hybrid_parallel")}


@lru_cache(maxsize=1)
def _code() -> engine.Module:
    # A module of its own, kept for the process: in every kernel's module it would add 4 ms to their 5 ms of compiling.
    code = object_for(_SOURCE + support(host()), host(), quick=True)
    return engine.load(code, ("hybrid_parallel",), {"hybrid_pool": ctypes.addressof(_pool)})


def sync() -> None:
    """Let compiled code see the present `config.threads` and affinity mask. Call after either has changed."""
    limit = _launched if _layer == "workqueue" else sys.maxsize  # more pieces than threads would hang it
    _pool.threads = 1 if _lost else min(cpu_count(), limit)


def layer() -> str | None:
    """The threading layer in use; None before the first parallel loop."""
    return _layer


def _start() -> None:
    global _layer, _launched
    for name in LAYERS:
        library = _extension(name)
        if library is not None:
            break
    else:
        _pool.threads = 1
        warnings.warn("none of Numba's threading layers can be loaded: loops run on one thread", RuntimeWarning, stacklevel=1)
        return
    _layer, _launched = name, max(cpu_count(), os.cpu_count() or 1)
    ctypes.CFUNCTYPE(None, ctypes.c_int)(library.launch_threads)(_launched)
    _pool.get_num_threads, _pool.set_num_threads = library.get_num_threads, library.set_num_threads
    _pool.parallel_for = library.parallel_for
    sync()


def _extension(name: str) -> ModuleType | None:
    try:
        with environment_default(GOMP_SPINCOUNT=SPINS):
            return extension.load(f"numba.np.ufunc.{name}")
    except ImportError:  # libtbb or the OpenMP runtime is not installed
        return None


def _after_fork() -> None:
    # No thread but the forking one survives, and OpenMP's runtime ends a process that forks and goes on using it.
    global _lost
    _lost = _layer is not None
    _pool.busy = 0
    sync()


settings.listeners.append(lambda name, before, after: sync() if name == "threads" else None)
_start_callback = ctypes.CFUNCTYPE(None)(_start)  # kept alive: machine code calls it
_pool.start = ctypes.cast(_start_callback, ctypes.c_void_p).value
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

# void task(i64 lo, i64 hi, ptr data) is called for contiguous ranges of [0, count) of at least `grain` iterations.
SUPPORT = "declare void @hybrid_parallel(ptr, i64, i64, ptr)  ; task, count, grain, data\n"

# Numba's parallel_for(fn, args, dimensions, steps, data, inner dimensions, arrays, threads) hands fn consecutive indices of
# a loop of dimensions[0] iterations: with one pseudo-array at address 0 with step 1, args[0] is the first of them and
# dimensions[0] how many. The loop here runs over pieces, as many as threads. It also leaves its thread count behind in
# the caller's numba.get_num_threads(), hence get and set around it.
#
# Piece r of n over `units` units starts at unit r*(units/n) + min(r, units%n). A unit is 64 iterations once pieces are long
# (4096: at most 1.6 % uneven), so that vector loops start on a cache line of the arrays, else one iteration.
#
# Floating-point flags belong to a thread. Each piece starts with none and adds what it raised to the job's word, which the
# caller raises in the end, with what it had before.
_SOURCE = """
%hybrid.pool = type { i64, i64, ptr, ptr, ptr, ptr }
%hybrid.job = type { ptr, ptr, i64, i64, i64, i64, i32 }  ; task, data, count, unit, units/n, units%n, flags
@hybrid_pool = external global %hybrid.pool

define void @hybrid_parallel(ptr %task, i64 %count, i64 %grain, ptr %data) nounwind {
entry:
  %job = alloca %hybrid.job
  %args = alloca ptr
  %dimensions = alloca i64
  %steps = alloca i64
  %some = icmp sgt i64 %count, 0
  br i1 %some, label %cut, label %done
cut:
  %threads = load atomic i64, ptr @hybrid_pool monotonic, align 8
  %least = call i64 @llvm.smax.i64(i64 %grain, i64 1)
  %most = udiv i64 %count, %least
  %n = call i64 @llvm.smin.i64(i64 %most, i64 %threads)
  %several = icmp sgt i64 %n, 1
  br i1 %several, label %claim, label %alone
claim:
  %busy = getelementptr %hybrid.pool, ptr @hybrid_pool, i64 0, i32 1
  %claimed = cmpxchg ptr %busy, i64 0, i64 1 acquire monotonic
  %free = extractvalue { i64, i1 } %claimed, 1
  br i1 %free, label %check, label %alone
check:
  %p.for = getelementptr %hybrid.pool, ptr @hybrid_pool, i64 0, i32 3
  %for.early = load ptr, ptr %p.for
  %ready = icmp ne ptr %for.early, null
  br i1 %ready, label %split, label %start
start:
  %p.start = getelementptr %hybrid.pool, ptr @hybrid_pool, i64 0, i32 2
  %starter = load ptr, ptr %p.start
  call void %starter()
  %for.late = load ptr, ptr %p.for
  %started = icmp ne ptr %for.late, null
  br i1 %started, label %split, label %release.alone
split:
  %for = phi ptr [ %for.early, %check ], [ %for.late, %start ]
  %piece = udiv i64 %count, %n
  %long = icmp uge i64 %piece, 4096
  %unit = select i1 %long, i64 64, i64 1
  %up = sub i64 %unit, 1
  %padded = add i64 %count, %up
  %units = udiv i64 %padded, %unit
  %each = udiv i64 %units, %n
  %more = urem i64 %units, %n
  %job.0 = insertvalue %hybrid.job poison, ptr %task, 0
  %job.1 = insertvalue %hybrid.job %job.0, ptr %data, 1
  %job.2 = insertvalue %hybrid.job %job.1, i64 %count, 2
  %job.3 = insertvalue %hybrid.job %job.2, i64 %unit, 3
  %job.4 = insertvalue %hybrid.job %job.3, i64 %each, 4
  %job.5 = insertvalue %hybrid.job %job.4, i64 %more, 5
  %before.flags = call i32 @hybrid_flags()
  %job.6 = insertvalue %hybrid.job %job.5, i32 %before.flags, 6
  store %hybrid.job %job.6, ptr %job
  store ptr null, ptr %args
  store i64 %n, ptr %dimensions
  store i64 1, ptr %steps
  %p.get = getelementptr %hybrid.pool, ptr @hybrid_pool, i64 0, i32 4
  %get = load ptr, ptr %p.get
  %p.set = getelementptr %hybrid.pool, ptr @hybrid_pool, i64 0, i32 5
  %set = load ptr, ptr %p.set
  %before = call i32 %get()
  %n.32 = trunc i64 %n to i32
  call void %for(ptr @hybrid_piece, ptr %args, ptr %dimensions, ptr %steps, ptr %job, i64 0, i64 1, i32 %n.32)
  call void %set(i32 %before)
  %p.flags = getelementptr %hybrid.job, ptr %job, i64 0, i32 6
  %raised = load atomic i32, ptr %p.flags monotonic, align 4
  call void @hybrid_flags_raise(i32 %raised)
  store atomic i64 0, ptr %busy release, align 8
  ret void
release.alone:
  store atomic i64 0, ptr %busy release, align 8
  br label %alone
alone:
  call void %task(i64 0, i64 %count, ptr %data)
  ret void
done:
  ret void
}

define internal void @hybrid_piece(ptr %args, ptr %dimensions, ptr %steps, ptr %data) nounwind {
entry:
  %job = load %hybrid.job, ptr %data
  %task = extractvalue %hybrid.job %job, 0
  %context = extractvalue %hybrid.job %job, 1
  %count = extractvalue %hybrid.job %job, 2
  %unit = extractvalue %hybrid.job %job, 3
  %each = extractvalue %hybrid.job %job, 4
  %more = extractvalue %hybrid.job %job, 5
  %from = load i64, ptr %args
  %number = load i64, ptr %dimensions
  %to = add i64 %from, %number
  call void @hybrid_flags_clear()
  br label %loop
loop:
  %r = phi i64 [ %from, %entry ], [ %r.next, %loop ]
  %r.next = add i64 %r, 1
  %bonus = call i64 @llvm.umin.i64(i64 %r, i64 %more)
  %bonus.next = call i64 @llvm.umin.i64(i64 %r.next, i64 %more)
  %whole = mul i64 %r, %each
  %whole.next = mul i64 %r.next, %each
  %first = add i64 %whole, %bonus
  %last = add i64 %whole.next, %bonus.next
  %lo = mul i64 %first, %unit
  %end = mul i64 %last, %unit
  %hi = call i64 @llvm.umin.i64(i64 %end, i64 %count)
  call void %task(i64 %lo, i64 %hi, ptr %context)
  %again = icmp ult i64 %r.next, %to
  br i1 %again, label %loop, label %exit
exit:
  %raised = call i32 @hybrid_flags()
  %quiet = icmp eq i32 %raised, 0
  br i1 %quiet, label %quit, label %tell
tell:
  %p.flags = getelementptr %hybrid.job, ptr %data, i64 0, i32 6
  %others = atomicrmw or ptr %p.flags, i32 %raised monotonic
  br label %quit
quit:
  ret void
}
"""
