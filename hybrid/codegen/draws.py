"""Draws in LLVM around NumPy's functions in C, or instead of one that NumPy does not offer."""

from __future__ import annotations

import ctypes
from collections.abc import Collection

from hybrid.core import npyrandom
from hybrid.core.npyrandom import FILLED

_DOUBLE, _INT = ctypes.c_double, ctypes.c_int64
GAUSS, EXPONENTIAL, BINOMIAL = "hybrid_legacy_gauss", "hybrid_legacy_exponential", "hybrid_binomial"
LOG = "hybrid_libm_log"

# A RandomState's normal numbers by Marsaglia's polar method as NumPy has kept it since 2005: two numbers for two draws, the
# second of them kept in the generator beside the address of its bits (`struct aug_bitgen`: the bits, whether there is a second
# number, that number).
_GAUSS = f"""
declare double @llvm.sqrt.f64(double)

define internal double @{GAUSS}(i64 %address) nounwind {{
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

# NumPy keeps what a binomial distribution computes of its parameters from one draw to the next; here each draw computes it.
_BINOMIAL = f"""
declare i64 @{npyrandom.BINOMIAL}(i64, double, i64, ptr)

define internal i64 @{BINOMIAL}(i64 %address, double %share, i64 %count) nounwind {{
  %known = alloca [{npyrandom.BINOMIAL_BYTES} x i8], align 8
  store i64 0, ptr %known
  %out = call i64 @{npyrandom.BINOMIAL}(i64 %address, double %share, i64 %count, ptr %known)
  ret i64 %out
}}
"""

# A RandomState's exponential numbers, by inversion.
_EXPONENTIAL = f"""
define internal double @{EXPONENTIAL}(i64 %address, double %scale) nounwind {{
  %generator = inttoptr i64 %address to ptr
  %state = load ptr, ptr %generator
  %at = getelementptr inbounds i8, ptr %generator, i64 24
  %next = load ptr, ptr %at
  %uniform = call double %next(ptr %state)
  %rest = fsub double 1.0, %uniform
  %log = call double @{LOG}(double %rest)
  %number = fneg double %log
  %out = fmul double %scale, %number
  ret double %out
}}
"""

_SOURCES = {GAUSS: _GAUSS, EXPONENTIAL: _EXPONENTIAL, BINOMIAL: _BINOMIAL}


_SIGNATURES = {GAUSS: ((), _DOUBLE), EXPONENTIAL: ((_DOUBLE,), _DOUBLE), BINOMIAL: ((_DOUBLE, _INT), _INT)}


def source(names: Collection[str]) -> str:
    """Those of these functions that are ours."""
    each = {name.removeprefix(FILLED) for name in names}
    log = [f"declare double @{LOG}(double)"] if {GAUSS, EXPONENTIAL} & each else []
    filled = [_filled(name.removeprefix(FILLED)) for name in sorted(names) if name.startswith(FILLED)]
    return "\n".join([*log, *(_SOURCES[name] for name in sorted(each) if name in _SOURCES), *filled])


def _filled(name: str) -> str:
    """A function that draws `count` numbers one after another, as NumPy does where it has no function for that."""
    takes, gives = _SIGNATURES.get(name) or npyrandom.FUNCTIONS[name]
    kinds = ["i64", *("double" if kind is _DOUBLE else "i64" for kind in takes)]
    kind, given = "double" if gives is _DOUBLE else "i64", ", ".join(f"{kind} %p{k}" for k, kind in enumerate(kinds))
    return f"""
declare {kind} @{name}({", ".join(kinds)})

define internal i32 @{FILLED}{name}(ptr %out, i64 %count, {given}) nounwind {{
start:
  br label %next
next:
  %i = phi i64 [0, %start], [%i.next, %draw]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %draw, label %done
draw:
  %number = call {kind} @{name}({given})
  %at = getelementptr inbounds {kind}, ptr %out, i64 %i
  store {kind} %number, ptr %at
  %i.next = add i64 %i, 1
  br label %next
done:
  ret i32 0
}}
"""


def symbols(name: str) -> dict[str, int]:
    """The addresses that a function needs, or the one that it has."""
    name = name.removeprefix(FILLED)
    if name in (GAUSS, EXPONENTIAL):
        return {LOG: npyrandom.log()}
    found = npyrandom.BINOMIAL if name == BINOMIAL else name
    return {found: npyrandom.address(found)}
