"""NumPy's legacy normal numbers in LLVM: `RandomState` offers no C function for them.

Marsaglia's polar method as NumPy has kept it since 2005: two numbers for two draws, the second of them kept in the generator
beside the address of its bits (`struct aug_bitgen`: the bits, whether there is a second number, that number).
"""

from __future__ import annotations

NAME, LOG = "hybrid_legacy_gauss", "hybrid_libm_log"

SOURCE = f"""
declare double @{LOG}(double)
declare double @llvm.sqrt.f64(double)

define internal double @{NAME}(i64 %address) nounwind {{
entry:
  %generator = inttoptr i64 %address to ptr
  %flag = getelementptr inbounds i8, ptr %generator, i64 8
  %kept = getelementptr inbounds i8, ptr %generator, i64 16
  %has = load i32, ptr %flag
  %is_second = icmp ne i32 %has, 0
  br i1 %is_second, label %second, label %first
second:
  %number = load double, ptr %kept
  store i32 0, ptr %flag
  store double 0.0, ptr %kept
  ret double %number
first:
  %bits = load ptr, ptr %generator
  %state = load ptr, ptr %bits
  %at = getelementptr inbounds i8, ptr %bits, i64 24
  %next = load ptr, ptr %at
  br label %again
again:
  %u1 = call double %next(ptr %state)
  %d1 = fmul double %u1, 2.0
  %x1 = fsub double %d1, 1.0
  %u2 = call double %next(ptr %state)
  %d2 = fmul double %u2, 2.0
  %x2 = fsub double %d2, 1.0
  %s1 = fmul double %x1, %x1
  %s2 = fmul double %x2, %x2
  %r2 = fadd double %s1, %s2
  %outside = fcmp oge double %r2, 1.0
  %zero = fcmp oeq double %r2, 0.0
  %repeat = or i1 %outside, %zero
  br i1 %repeat, label %again, label %inside
inside:
  %log = call double @{LOG}(double %r2)
  %twice = fmul double %log, -2.0
  %ratio = fdiv double %twice, %r2
  %f = call double @llvm.sqrt.f64(double %ratio)
  %later = fmul double %f, %x1
  store double %later, ptr %kept
  store i32 1, ptr %flag
  %now = fmul double %f, %x2
  ret double %now
}}
"""
