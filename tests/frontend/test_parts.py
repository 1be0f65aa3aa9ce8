"""Sets, orders by several keys, bits, parts of floats, polynomials, places and periods against NumPy's."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

import hybrid as hy
from tests.names.against import differs, of_text, outcome

_rng = np.random.default_rng(0)
_EDGES = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1.7976931348623157e308, 1.0, -1.0, 3.5,
                   2.2250738585072014e-308, 1e-310, -7.25])  # fmt: skip
OPERANDS = {
    "x": _rng.normal(size=12), "y": _rng.normal(size=12), "i": _rng.integers(0, 9, 12), "j": _rng.integers(1, 9, 12),
    "b": _rng.random(19) > 0.5, "u": _rng.integers(0, 256, (3, 5)).astype(np.uint8), "m": _rng.normal(size=(3, 4)),
    "n": np.array([1.0, np.nan, 2.0, np.nan, 1.0]), "e": np.zeros(0), "k": _rng.integers(0, 5, (3, 4)),
    "z": _rng.normal(size=5) + 1j, "s": _EDGES, "f": np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45,
                    3.4028235e38, 1.0, -3.5, 1.1754944e-38, 1e-40], np.float32),
}  # fmt: skip
FORMS = [
    "",
    "np.spacing(s)",
    "np.spacing(f)",
    "np.spacing(i)",
    "np.spacing(x[0])",
    "np.frexp(s)",
    "np.frexp(f)",
    "np.frexp(i)",
    "np.frexp(x[0])",
    "np.frexp(m.T)",
    "np.i0(x)",
    "np.i0(x*20)",
    "np.i0(f[8:])",
    "np.i0(i)",
    "np.i0(m.T)",
    "np.i0(x[0])",
    "np.packbits(b)",
    "np.packbits(b,bitorder='little')",
    "np.packbits(u,axis=0)",
    "np.packbits(u,axis=1)",
    "np.packbits(x)",
    "np.packbits(i)",
    "np.unpackbits(u,count=5)",
    "np.unpackbits(u,count=-5)",
    "np.unpackbits(u,count=200)",
    "np.unpackbits(u,axis=1,count=7)",
    "np.unpackbits(u,axis=0,bitorder='little')",
    "np.union1d(x,y)",
    "np.union1d(i,j)",
    "np.union1d(i,x)",
    "np.union1d(n,e)",
    "np.intersect1d(i,j)",
    "np.intersect1d(i,j,return_indices=True)",
    "np.intersect1d(i[:3],j[3:6],assume_unique=True)",
    "np.intersect1d(i[:3]*0+np.arange(3),np.arange(2,5),assume_unique=True,return_indices=True)",
    "np.intersect1d(e,e)",
    "np.intersect1d(n,n)",
    "np.setdiff1d(i,j)",
    "np.setdiff1d(x,y)",
    "np.setdiff1d(n,e)",
    "np.setdiff1d(n,n)",
    "np.setdiff1d(i,j,assume_unique=True)",
    "np.setxor1d(i,j)",
    "np.setxor1d(i,e)",
    "np.setxor1d(e,e)",
    "np.setxor1d(n,n)",
    "np.unique_counts(n)",
    "np.unique_inverse(k)",
    "np.unique_all(k)",
    "np.lexsort((i,j))",
    "np.lexsort((x,i,j))",
    "np.lexsort(m)",
    "np.lexsort((k,m),axis=0)",
    "np.lexsort(k,axis=0)",
    "np.polymul(x,y[:4])",
    "np.polymul(i,j)",
    "np.polymul([0,0,1],x)",
    "np.polymul(x*0,x)",
    "np.polymul(2.0,x)",
    "np.polydiv(x,y[:4])",
    "np.polydiv(y[:3],x)",
    "np.polydiv(np.array([1.,-3.,2.])+0*x[:3],np.array([1.,-1.]))",
    "np.polydiv(i,j[:2])",
    "np.polydiv(x*0,y[:3])",
    "np.poly(x[:4])",
    "np.poly(i[:3])",
    "np.poly(m[:,:3])",
    "np.poly(z)",
    "np.interp(x*100,np.array([0.,90,180]),y[:3],period=360)",
    "np.interp(x,y[:5],x[:5],period=1)",
    "np.interp(x,np.arange(5.),z)",
    "np.interp(x[0],[1,2,3],[4,5,6],period=2)",
    "np.ravel_multi_index((i%3,j%5),(3,5))",
    "np.ravel_multi_index((i,j),(3,5),mode='wrap')",
    "np.ravel_multi_index((i,j),(3,5),mode='clip')",
    "np.ravel_multi_index((i,j),(3,5),mode=('clip','wrap'))",
    "np.ravel_multi_index((i%3,j%5),(3,5),order='F')",
    "np.ravel_multi_index((i,j),(3,5))",
    "np.ravel_multi_index((i[0]%3,j[0]%5),(3,5))",
    "np.unravel_index(i,(3,5),order='F')",
    "np.unravel_index(i[0],(3,5),order='F')",
    "np.insert(x,[1,5],[9.,8.])",
    "np.insert(x,[5,1,1],7)",
    "np.insert(x,[-1,12],[1,2])",
    "np.insert(m,[1,1],5,axis=0)",
    "np.insert(m,[0,2],[[1.],[2.],[3.]],axis=1)",
    "np.insert(x,[1,40],3)",
    "np.put(x,[1,3],[9.,8.]) or x",
    "np.put(x,i,y) or x",
    "np.put(m,[1,30],5.,mode='clip') or m",
    "np.put(m,[1,30],[5.,6.,7.],mode='wrap') or m",
    "np.put(m.T,[1,3,5],[5.,6.]) or m",
    "np.put(i,[1,3],2.7) or i",
    "np.put(x,[1,99],3.) or x",
    "np.put(x,[-1,-12],3.) or x",
    "np.place(x,x>0,[1.,2.]) or x",
    "np.place(m,m>0,[1.,2.,3.]) or m",
    "np.place(i,i>2,[1.5,2.5]) or i",
    "np.place(x,x>99,[1.,2.]) or x",
    "np.putmask(x,x>0,[1.,2.]) or x",
    "np.putmask(m,m>0,x) or m",
    "np.putmask(m.T,m.T>0,[1.,2.,3.]) or m",
    "np.subtract.at(x,[1,1,2],1.) or x",
    "np.subtract.at(x,i,y) or x",
    "np.subtract.at(i,[1,1,2],1) or i",
    "np.subtract.at(u,(0,[1,1]),np.uint8(250)) or u",
    "",
][1:-1]


@pytest.mark.parametrize("text", FORMS)
def test_forms(text, tmp_path):
    given = OPERANDS
    statement, _, result = text.partition(" or ")
    text = f"({statement}, {result})[1]" if result else text
    f = of_text([text], tmp_path, list(given))
    want, g = outcome(f, copy.deepcopy(given)), hy.function(f)
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            got = outcome(g, copy.deepcopy(given))
        if isinstance(want[0], type):
            assert isinstance(got[0], type) and issubclass(got[0], want[0])
        else:
            assert not differs(got[0], want[0]) and not differs(got[1], want[1])


SMOOTH = ["np.spacing(x)", "np.frexp(x)[0]", "np.i0(x)", "np.polymul(x, y[:4])", "np.polydiv(x, y[:2])[0]", "np.poly(x[:4])",
          "np.interp(x, y[:5], x[:5], period=7)", "np.insert(x, [1, 5], y[:2])"]  # fmt: skip


@pytest.mark.parametrize("text", SMOOTH)
def test_derivatives(text):
    f = eval(f"lambda x, y: np.sum({text} * 1.5)", {"np": np})
    hy.check_grads(f, [OPERANDS["x"], OPERANDS["y"]], order=1)


def test_sizes_vary():
    def sets(a, b):
        return np.union1d(a, b), np.intersect1d(a, b), np.setdiff1d(a, b), np.setxor1d(a, b), np.lexsort((a, a % 3))

    f, rng = hy.function(sets, strict=True), np.random.default_rng(1)
    for _ in range(5):
        a, b = (rng.integers(0, 30, rng.integers(2, 40)) for _ in "ab")
        assert not differs(f(a, b), sets(a, b))
    assert len(f.traces) <= 2


def test_parts_of_every_kind_of_float():
    rng = np.random.default_rng(2)
    f = hy.function(lambda x: (np.frexp(x), np.spacing(x)), strict=True)
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    with np.errstate(all="ignore"):
        assert not differs(f(halves), (np.frexp(halves), np.spacing(halves)))
        for other in (np.float16(1), -halves, halves[::-1]):
            near = hy.function(np.nextafter, strict=True)(halves, other)
            np.testing.assert_array_equal(near, np.nextafter(halves, other))
    for bits, dtype in ((np.uint32, np.float32), (np.uint64, np.float64)):
        x = rng.integers(0, np.iinfo(bits).max, 10_000, bits, endpoint=True).view(dtype)
        with np.errstate(all="ignore"):
            assert not differs(f(x), (np.frexp(x), np.spacing(x)))
