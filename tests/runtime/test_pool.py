"""Memory for large arrays: they own it, it comes back, it goes away, and nobody has to be alive when they die."""

import contextvars
import ctypes
import gc
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy._core.multiarray import get_handler_name

from hybrid.codegen.target import host
from hybrid.core.config import config
from hybrid.core.shape import Dim
from hybrid.runtime import engine, pool
from hybrid.staging.entry import ENTRY, ArrayGuard, ArrayResult, Dispatcher, EntrySpec, emit_entry, imports

F4, U1 = np.dtype("f4"), np.dtype("u1")
MB = 1 << 20
NOTHING = "define internal i32 @compute(ptr %slots) {\n  ret i32 0\n}"
TRACE_DOMAIN = 389047  # NPY_TRACE_DOMAIN


@pytest.fixture(autouse=True)
def empty_pool():
    gc.disable()  # arrays in cycles that other tests left would come back in the middle of one that counts
    pool.release()
    yield
    pool.release()
    gc.enable()


def pooled(array):
    return get_handler_name(array) == "hybrid"


def entry(result, *guards):
    spec = EntrySpec(guards, result, ())
    dispatcher = Dispatcher(lambda *args: "miss", "f")
    dispatcher.push(
        engine.load(engine.compile_object(emit_entry(spec, "compute") + NOTHING, host()), (ENTRY,), imports(spec)), spec
    )
    return dispatcher.callable


def resident() -> int:
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def in_new_process(code, *options):
    """What a new interpreter prints; it must end well."""
    head = "import gc, os, sys, threading, numpy as np\nfrom hybrid.runtime import pool\nU1 = np.dtype('u1')\n"
    text = head + textwrap.dedent(code)
    done = subprocess.run([sys.executable, *options, "-c", text], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


class Functions:
    """The allocator as NumPy calls it, without the GIL."""

    def __init__(self):
        get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))
        _, *words = (ctypes.c_int64 * 5).from_address(get(pool.handlers()[0], b"mem_handler") + 128)
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        self.malloc = ctypes.CFUNCTYPE(pointer, pointer, size)(words[0])
        self.calloc = ctypes.CFUNCTYPE(pointer, pointer, size, size)(words[1])
        self.realloc = ctypes.CFUNCTYPE(pointer, pointer, pointer, size)(words[2])
        self.free = ctypes.CFUNCTYPE(None, pointer, pointer, size)(words[3])


# Arrays


def test_a_large_array_is_an_ordinary_one():
    array = pool.empty((MB,), F4)
    assert pooled(array) and array.flags.owndata and array.base is None and array.flags.c_contiguous
    assert array.__array_interface__["data"][0] % 64 == 0
    assert sys.getsizeof(array) >= array.nbytes
    array[:] = np.arange(MB)
    for protocol in (2, 5):
        assert (pickle.loads(pickle.dumps(array, protocol)) == array).all()
    assert not pooled(array.copy()) and (array.copy() == array).all()


def test_small_arrays_are_left_to_numpy():
    assert not pooled(pool.empty((pool.LARGE - 1,), U1))
    assert pooled(pool.empty((pool.LARGE,), U1))


def test_memory_is_used_again():
    array = pool.empty((MB,), U1)
    where = array.ctypes.data
    del array
    assert pool.idle()[0] == 1
    assert pool.empty((MB,), U1).ctypes.data == where
    array = pool.empty((MB * 15 // 16,), U1)  # fits to an eighth
    assert array.ctypes.data == where and pool.idle() == (0, 0)
    assert pool.empty((MB // 2,), U1).ctypes.data != where


def test_resizing():
    array = pool.empty((MB,), F4)
    array[:] = np.arange(MB)
    for size in (2 * MB, MB + 7, 1000, 0, 3 * MB):
        before = array[:size].copy()
        array.resize(size, refcheck=False)
        assert pooled(array) and (array[: before.size] == before).all() and not array[before.size :].any()


def test_tracemalloc_sees_them():
    tracemalloc.start()
    try:
        array = pool.empty((MB,), F4)
        assert tracemalloc.get_traced_memory()[0] >= array.nbytes
        traces = tracemalloc.take_snapshot().filter_traces([tracemalloc.DomainFilter(True, TRACE_DOMAIN)])
        assert any(trace.size == array.nbytes for trace in traces.traces)
        del array, traces
        assert tracemalloc.get_traced_memory()[0] < MB
    finally:
        tracemalloc.stop()


def test_zeroed_and_resized_blocks():
    native = Functions()
    block = native.malloc(None, MB)
    ctypes.memset(block, 255, MB)
    native.free(None, block, MB)
    zeros = native.calloc(None, MB // 8, 8)
    assert zeros == block and not any(ctypes.string_at(zeros, MB))
    ctypes.memset(zeros, 7, MB)
    longer = native.realloc(None, zeros, 4 * MB)
    assert ctypes.string_at(longer, MB) == b"\7" * MB and pool.idle()[0] == 1
    assert native.realloc(None, longer, 3 * MB) == longer
    native.free(None, longer, 1)  # the size given is not believed
    assert pool.idle()[0] == 2
    assert native.calloc(None, 1 << 40, 1 << 40) is None
    assert native.malloc(None, 1 << 60) is None
    native.free(None, None, 0)
    native.free(None, native.realloc(None, None, MB), MB)


# Limits


def test_memory_goes_down():
    with config.override(pool_limit_mb=40):
        arrays = [pool.empty((16 * MB,), U1) for _ in range(8)]
        for array in arrays:
            array.fill(1)
        full = resident()
        del array
        arrays.clear()
        assert pool.idle()[0] == 2 and pool.idle()[1] <= 40 * MB
        assert full == 0 or full - resident() > 90 * MB
        pool.release()
        assert pool.idle() == (0, 0)
        assert full == 0 or full - resident() > 120 * MB
        del arrays
        array = pool.empty((48 * MB,), U1)
        del array
        assert pool.idle() == (0, 0)  # larger than the limit


def test_the_oldest_go_first():
    with config.override(pool_limit_mb=10):
        old, new = [pool.empty((MB,), U1) for _ in range(8)], [pool.empty((4 * MB,), U1) for _ in range(2)]
        places = [array.ctypes.data for array in new]
        old.clear()
        new.clear()
        assert pool.empty((4 * MB,), U1).ctypes.data in places
        assert pool.idle()[0] == 3  # both, and one small one


def test_lowering_the_limit_frees():
    array = pool.empty((8 * MB,), U1)
    del array
    with config.override(pool_limit_mb=4):
        assert pool.idle() == (0, 0)


def test_no_more_blocks_than_slots():
    arrays = [pool.empty((pool.LARGE,), U1) for _ in range(pool.SLOTS + 50)]
    arrays.clear()
    assert pool.idle()[0] == pool.SLOTS


def test_without_a_limit_numpy_allocates():
    with config.override(pool_limit_mb=0):
        assert pool.handlers() is None
        assert not pooled(pool.empty((MB,), U1)) and not pooled(entry(ArrayResult(F4, (MB,)))())


def test_many_cycles_leave_memory_flat():
    def cycle(times):
        for k in range(times):
            keep = [pool.empty((size,), U1) for size in (pool.LARGE + 4096 * (k % 50), MB)]
            keep[0][::4096] = keep[1][::4096] = 1

    cycle(500)
    before = resident()
    cycle(10_000)
    assert resident() - before < 4 * MB


def test_idle_memory_is_not_missing_elsewhere():
    if sys.platform != "linux":
        return  # RLIMIT_AS binds nowhere else
    output = in_new_process("""
        import resource
        array = pool.empty((128 << 20,), U1)
        del array
        assert pool.idle()[0] == 1
        used = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), -1))
        array = pool.empty((160 << 20,), U1)
        assert pool.idle() == (0, 0)
        try:
            pool.empty((160 << 20,), U1)
        except MemoryError:
            print("full")
    """)
    assert output == "full\n"


# Entries


def test_large_results_of_an_entry():
    make = entry((ArrayResult(F4, (1024, 1024)), ArrayResult(F4, (8,)), ArrayResult(F4, (1 << 16,))))
    first, small, edge = make()
    assert [pooled(a) for a in (first, small, edge)] == [True, False, True]
    assert first.flags.owndata and first.base is None and first.shape == (1024, 1024)
    where = first.ctypes.data
    del first
    assert make()[0].ctypes.data == where
    assert not pooled(np.empty(MB))  # NumPy's allocator is back in place


def test_an_entry_decides_at_the_call():
    n = Dim.symbol("n")
    make = entry(ArrayResult(F4, (n, 2)), ArrayGuard(F4, (n,)))
    for size in (0, 3, pool.LARGE // 8 - 1, pool.LARGE // 8, MB):
        result = make(np.zeros(size, F4))
        assert result.shape == (size, 2) and pooled(result) == (result.nbytes >= pool.LARGE)


def test_an_allocator_of_the_user_is_respected():
    make, loaded = entry(ArrayResult(F4, (MB,))), pool._made()

    def with_theirs():
        # Any capsule that is not NumPy's will do: a second one around the same functions.
        get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))
        new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
            ("PyCapsule_New", ctypes.pythonapi)
        )
        loaded.set_handler(new(get(loaded.default, b"mem_handler"), name, None))
        return [get_handler_name(array) for array in (make(), pool.empty((MB,), U1))]

    name = b"mem_handler"  # capsules do not copy their names
    assert contextvars.copy_context().run(with_theirs) == ["default_allocator"] * 2
    assert pooled(make()) and pooled(pool.empty((MB,), U1))


def test_a_result_too_large_for_memory():
    make = entry(ArrayResult(F4, (1 << 58,)))
    for _ in range(3):
        with pytest.raises(MemoryError):
            make()
    assert get_handler_name(np.empty(3)) == "default_allocator"


# Company


def test_arrays_die_on_other_threads():
    make = entry(ArrayResult(F4, (MB,)))
    arrays = [make() for _ in range(4)]
    thread = threading.Thread(target=arrays.clear)
    thread.start()
    thread.join()
    assert pool.idle()[0] == 4


def test_threads_without_the_gil():
    native, wrong = Functions(), []

    def work(mark):
        for k in range(2000):
            size = pool.LARGE + 4096 * (k % 7)
            block = native.malloc(None, size)
            word = ctypes.c_int64.from_address(block + size - 8)
            word.value = value = mark << 32 | k
            other = native.malloc(None, size)
            ctypes.c_int64.from_address(other + size - 8).value = -1
            if block == other or word.value != value:
                wrong.append((mark, k))
            native.free(None, block, size)
            native.free(None, other, size)

    workers = [threading.Thread(target=work, args=(mark,)) for mark in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
    count, held = pool.idle()
    lengths = [pool.LARGE + 4096 * k for k in range(1, 8)]
    assert count and min(lengths) * count <= held <= max(lengths) * count


if hasattr(os, "fork"):

    @pytest.mark.parametrize("inside", (False, True), ids=("between calls", "in the middle of one"))
    def test_a_forked_child(inside):
        output = in_new_process(f"""
            kept, dead = pool.empty((1 << 20,), U1), pool.empty((1 << 20,), U1)
            kept[:], where = 5, dead.ctypes.data
            del dead
            pool._made().words[pool._LOCK] = {int(inside)}  # what a thread without the GIL would leave
            child = os.fork()
            if child == 0:
                again = pool.empty((1 << 20,), U1)
                sound = (again.ctypes.data == where) is not {inside} and (kept == 5).all()
                del again, kept
                os._exit(not sound or pool.idle()[0] != 2)
            pool._made().words[pool._LOCK] = 0
            assert os.waitpid(child, 0)[1] == 0
            assert pool.idle()[0] == 1
        """)
        assert output == ""


@pytest.mark.parametrize("options", ((), ("-X", "faulthandler"), ("-X", "dev")), ids=("plain", "faulthandler", "dev"))
def test_the_interpreter_ends_before_the_arrays(options):
    output = in_new_process(
        """
        import builtins
        class Cycle:
            pass
        cycle = Cycle()
        cycle.itself, cycle.array = cycle, pool.empty((1 << 20,), U1)
        builtins.held = pool.empty((1 << 22,), U1)  # dies with the last of all modules
        kept = [pool.empty((1 << 20,), U1) for _ in range(5)]
        daemon = threading.Thread(target=lambda: [pool.empty((1 << 19,), U1) for _ in range(1 << 20)], daemon=True)
        daemon.start()
        """,
        *options,
    )
    assert output == ""
