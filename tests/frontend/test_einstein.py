"""`np.einsum` of many operands and in all of its forms against NumPy's: values, dtypes, layouts, errors and derivatives."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy
from tests.names.against import differs

_rng = np.random.default_rng(0)
OPERANDS = {
    "a": _rng.normal(size=(3, 4)), "b": _rng.normal(size=(4, 5)), "c": _rng.normal(size=(5, 6)), "d": _rng.normal(size=(6, 3)),
    "t": _rng.normal(size=(2, 3, 4)), "v": _rng.normal(size=4), "f": np.asfortranarray(_rng.normal(size=(3, 4))),
    "i": _rng.integers(-5, 5, (3, 4)), "z": _rng.normal(size=(3, 4)) + 1j * _rng.normal(size=(3, 4)),
    "o": np.zeros((3, 5)), "p": np.zeros((3, 5), np.float32),
}  # fmt: skip
FORMS = [
    "'ij,jk,kl->il', a, b, c", "'ij,jk,kl,li->', a, b, c, d", "'ij,jk,kl,li->', a, b, c, d, optimize=True",
    "'ij,jk,kl,lm->im', a, b, c, d, optimize='optimal'", "'ij,jk,kl,lm->mi', a, b, c, d, optimize='greedy'",
    "'ij,jk,kl,lm->mi', a, b, c, d, optimize=['einsum_path', (1, 2), (0, 2), (0, 1)]",
    "'ij,jk,kl,lm->mi', a, b, c, d, optimize=['einsum_path', (0, 1, 2), (0, 1)]", "'ij,jk,kl,lm', a, b, c, d",
    "a, [0, 1], b, [1, 2], c, [2, 3], [0, 3]", "a, [0, 1], b, [1, 2], c, [2, 3]", "t, [..., 0, 1], a, [0, 1], [...]",
    "t, [Ellipsis, 1], v, [1], [Ellipsis]", "'...ij,ij,j->...', t, a, v", "'...ij,...ij,j->...j', t, t, v, optimize=True",
    "'i,i,i->i', v, v, v", "'i,i,i', v, v, v", "'i,i->', v, v, optimize=True", "'i->', v, optimize=True",
    "'ij->ji', f, optimize=True", "'ij,ij->ij', f, f", "'ij,ij->ij', f, f, order='C'", "'ij,ij->ij', a, a, order='F'",
    "'ij,ij->ij', f, f, order='A'", "'ij,ij->ji', a, a, optimize=True",
    "'ij,jk->ik', a, b, dtype=np.float32, casting='same_kind'",
    "'ij,jk->ik', a, b, dtype=complex", "'ij,ij->i', i, i, dtype=float", "'ij,jk,kl->il', f, b, c, optimize=True",
    "'bij,bjk->ibk', t, t.transpose(0, 2, 1), optimize=True", "'ij,ij->ij', a[:1], a", "'ij,jk->ik', a[:, :1], b",
    "'ii,ij,jk->k', a[:, :3], a, b", "'ij,kj,lj->ikl', z, z, z, optimize=True", "'ij,ij,ij->i', i, i, i",
    "'ij,ij,ij->i', i > 0, i > 1, i > 2", "'i,j,k->kji', v, v, v, optimize=True", "',ij->ij', 2.0, a", "',,', 2.0, a[0, 0], 3",
    "'ij,jk,kn->in', a, b, c[:, :5], out=o, optimize=True", "[1, 2], [0], v[:2], [0]",
    "'ij,jk->ik', a, b, out=p, casting='same_kind'",
    "'ij,jk,kl->il', a, b, c, optimize=np.einsum_path('ij,jk,kl->il', a, b, c)[0]",
]  # fmt: skip


def called(text):
    names = ", ".join(OPERANDS)
    return eval(f"lambda {names}: {text}", {"np": np})


@pytest.mark.parametrize("text", FORMS)
def test_forms(text):
    f = called(f"np.einsum({text})")
    want, g = f(*OPERANDS.values()), hy.function(f, strict=True)
    for _ in range(2):
        assert not differs(g(*OPERANDS.values()), want)


@pytest.mark.parametrize("text", ["'ij,jk,kl->il', a, b, c", "a, [0, 1], b, [1, 2], c, [2, 3], optimize='optimal'"])
def test_paths(text):
    f = called(f"np.einsum_path({text})")
    assert hy.function(f, strict=True)(*OPERANDS.values()) == f(*OPERANDS.values())


@pytest.mark.parametrize("text", ["'ij,jk->ik', a, c", "'ij,jk->ik', a", "'ijk,jk->ik', a, b", "'ij,jk->iq', a, b",
                                  "'ij,jk->ik', a, b, dtype=np.float32", "'ij,jk->ik', a, b, out=o[:, :4]",
                                  "'ij,jk->ik', a, b, out=p"])  # fmt: skip
@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_errors(text):
    f = called(f"np.einsum({text})")
    with pytest.raises(Exception) as plain:
        f(*OPERANDS.values())
    with pytest.raises(type(plain.value)):
        hy.function(f)(*OPERANDS.values())


def test_the_cheapest_order_is_taken():
    """(AB)C of 40 × 50, 50 × 60 and 60 × 1 would take 40·50·60 products, A(BC) takes 50·60 + 40·50."""
    rng = np.random.default_rng(1)
    a, b, c = rng.normal(size=(40, 50)), rng.normal(size=(50, 60)), rng.normal(size=(60, 1))
    f = hy.function(lambda a, b, c: np.einsum("ij,jk,kl->il", a, b, c), strict=True)
    np.testing.assert_allclose(f(a, b, c), a @ b @ c)
    products = [eqn for eqn in f.graph(a, b, c).eqns if eqn.primitive.name == "dot_general"]
    assert [eqn.output.type.shape for eqn in products] in ([(1, 50), (1, 40)], [(50, 1), (40, 1)], [(50, 1), (1, 40)])


def test_sizes_vary():
    f = hy.function(lambda a, b, c: np.einsum("ij,jk,kl->il", a, b, c), strict=True)
    rng = np.random.default_rng(2)
    for n in (3, 4, 6, 9, 5):
        a, b, c = rng.normal(size=(n, 4)), rng.normal(size=(4, n + 1)), rng.normal(size=(n + 1, 2))
        np.testing.assert_allclose(f(a, b, c), a @ b @ c, rtol=1e-10)
    assert len(f.traces) <= 2


@pytest.mark.parametrize("text", ["'ij,jk,kl->il', a, b, c", "'...ij,ij,j->...', t, a, v", "'ii,ij,jk->k', a[:, :3], a, b",
                                  "'ij,jk,kl,li->', a, b, c, d, optimize='optimal'"])  # fmt: skip
def test_derivatives(text):
    def loss(a, b, c, d, t, v):
        return np.sum(np.sin(f(a, b, c, d, t, v, None, None, None, None, None)))

    f = called(f"np.einsum({text})")
    hy.check_grads(loss, [OPERANDS[name] for name in "abcdtv"])
    eager = hy.grad(loss, tuple(range(6)))(*(OPERANDS[name] for name in "abcdtv"))
    compiled = hy.function(hy.grad(loss, tuple(range(6))), strict=True)(*(OPERANDS[name] for name in "abcdtv"))
    for one, other in zip(eager, compiled):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-10, atol=1e-12)
