"""Compiling, loading and freeing machine code."""

import ctypes
import gc
import math
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from hybrid.codegen.target import Target, host, widest_vector
from hybrid.core import dtype as dt
from hybrid.core.config import config
from hybrid.core.errors import CompileError
from hybrid.runtime import engine

LINEAR = """
@offset = external global i64
define i64 @twice(i64 %x) {
  %offset = load i64, ptr @offset
  %y = mul i64 %x, 2
  %z = add i64 %y, %offset
  ret i64 %z
}
"""


def load_linear(offset: ctypes.c_int64, code: bytes | None = None):
    code = code or engine.compile_object(LINEAR, host())
    module = engine.load(code, ("twice",), {"offset": ctypes.addressof(offset)})
    return module, ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(module.address("twice"))


def test_external_data_is_read_at_call_time():
    offset = ctypes.c_int64(5)
    _module, twice = load_linear(offset)
    assert twice(10) == 25
    offset.value = 7
    assert twice(10) == 27


def test_the_c_library_is_found_by_name():
    text = "declare double @sin(double)\ndefine double @f(double %x) {\n %y = call double @sin(double %x)\n ret double %y\n}"
    module = engine.load(engine.compile_object(text, host()), ("f",), {})
    assert ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(module.address("f"))(0.5) == math.sin(0.5)


def test_vector_constants_load():
    text = """
    define void @scale(ptr %p) {
      %v = load <16 x float>, ptr %p, align 4
      %w = fmul <16 x float> %v, <""" + ", ".join(f"float {n}.5" for n in range(16)) + """>
      store <16 x float> %w, ptr %p, align 4
      ret void
    }"""  # fmt: skip
    module = engine.load(engine.compile_object(text, host()), ("scale",), {})
    data = np.arange(17, dtype=np.float32)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(module.address("scale"))(data.ctypes.data)
    np.testing.assert_array_equal(data[:16], np.arange(16) * (np.arange(16) + 0.5))
    assert data[16] == 16


def test_products_are_not_contracted():
    text = """
    define double @f(double %a, double %b, double %c) {
      %p = fmul double %a, %b
      %s = fadd double %p, %c
      ret double %s
    }"""
    assert "vfmadd" not in engine.assembly(text, host())


def test_a_loop_is_not_vectorised_again():
    text = """
    define void @f(ptr noalias %a, ptr noalias %b, i64 %n) {
    entry:
      br label %loop
    loop:
      %i = phi i64 [ 0, %entry ], [ %j, %loop ]
      %p = getelementptr float, ptr %a, i64 %i
      %q = getelementptr float, ptr %b, i64 %i
      %x = load float, ptr %p
      %y = fmul float %x, %x
      store float %y, ptr %q
      %j = add i64 %i, 1
      %more = icmp slt i64 %j, %n
      br i1 %more, label %loop, label %exit
    exit:
      ret void
    }"""
    assert "mulps" not in engine.assembly(text, host())


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("define i32 @f() {\n ret i33 0\n}", "at line 2.*result type.*\n.*ret i33 0"),
        ("define i32 @f() {\n %x = add i32 %y, 1\n ret i32 %x\n}", "at line 2.*undefined value '%y'"),
        ("define i32 @f() {\n ret i32 0", "at line 2"),
        ("define void @f() {\na:\n br label %b\nb:\n %y = add i32 %x, 1\n %x = add i32 0, 1\n ret void\n}", "(?s)rejected.*%x"),
    ],
)
def test_bad_text_names_the_line(text, complaint):
    with pytest.raises(CompileError, match=complaint):
        engine.compile_object(text, host())


def test_a_missing_symbol_is_named():
    code = engine.compile_object(LINEAR, host())
    with pytest.raises(CompileError, match="could not be loaded"):
        engine.load(code, ("twice",), {})
    if sys.platform == "linux":
        with pytest.raises(CompileError, match="offset"):
            engine.load(code, ("twice",), {})


def test_bytes_that_are_not_object_code_are_refused():
    with pytest.raises(CompileError, match="could not be loaded"):
        engine.load(b"junk", ("twice",), {})


def test_dropped_modules_free_their_code():
    offset = ctypes.c_int64(1)
    code = engine.compile_object(LINEAR, host())
    for _ in range(200):  # allocators reach their steady state
        load_linear(offset, code)
    before = resident_kib()
    for _ in range(1000):
        load_linear(offset, code)
    gc.collect()
    assert resident_kib() - before < 4000  # 1000 kept modules take 8 MB


def resident_kib() -> int:
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * (os.sysconf("SC_PAGE_SIZE") // 1024) if statm.exists() else 0


def test_many_threads_compile_load_and_drop_at_once():
    wrong = []

    def work(number: int) -> None:
        offset = ctypes.c_int64(number)
        for _ in range(5):
            _module, twice = load_linear(offset)
            if twice(3) != 6 + number:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("bits", [128, 256])
def test_narrower_vectors_than_the_machine_has(bits):
    with config.override(vector_bits=bits):
        assert host().vector_bits == bits
        assert host().lanes(dt.float32) == bits // 32
        assert host().key != Target("other", "", "", bits).key


def test_wider_vectors_than_the_machine_has_are_an_error(monkeypatch):
    monkeypatch.setattr("hybrid.codegen.target.widest_vector", lambda triple, features: 256)
    host.__globals__["_host"].cache_clear()
    try:
        with config.override(vector_bits=512), pytest.raises(CompileError, match="no 512-bit vectors"):
            host()
    finally:
        host.__globals__["_host"].cache_clear()


def test_widest_vector_by_architecture():
    assert widest_vector("x86_64-apple-darwin", {"sse2", "avx", "avx512f"}) == 512
    assert widest_vector("x86_64-pc-windows-msvc", {"sse2"}) == 128
    assert widest_vector("arm64-apple-darwin23", {"neon"}) == 128
    assert widest_vector("riscv64-unknown-linux-gnu", set()) == 128
