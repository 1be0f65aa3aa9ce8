"""Random programs: the gradient eager and compiled, forward and backward, and by differences, is one."""

import numpy as np
import pytest

import hybrid as hy
from hybrid.transforms import lane, levels, reverse
from tests.transforms.random_programs import N, program


def differences(f, x, step):
    return np.array([(f(x + step * e) - f(x - step * e)) / (2 * step) for e in np.eye(N)])


def check(seed, strict=False):
    f, source = program(seed)
    x, t = np.random.default_rng(seed).normal(size=(2, N))
    with np.errstate(all="ignore"):
        coarse, fine = differences(f, x, 1e-5), differences(f, x, 1e-6)
    if not np.isfinite(fine).all() or np.abs(fine).max() > 1e6 or not np.allclose(coarse, fine, 1e-4, 1e-5):
        return None  # near a kink, or too steep to tell
    decorated = {"strict": True} if strict else {}
    found = {
        "eager": hy.grad(f)(x),
        "compiled": hy.function(hy.grad(f), **decorated)(x),
        "forward": hy.jvp(f, (x,), (t,))[1],
        "compiled forward": hy.function(lambda x, t: hy.jvp(f, (x,), (t,))[1], **decorated)(x, t),
    }
    scale = 1 + np.abs(fine).max()
    for name, gradient in found.items():
        forward = "forward" in name
        wrong = np.abs(gradient - (found["eager"] @ t if forward else fine)).max() / scale
        assert wrong < (1e-8 if forward else 1e-4), f"{name} of seed {seed}: {gradient}, not {fine}\n\n{source}"
    assert np.abs(found["compiled"] - found["eager"]).max() / scale < 1e-8, f"seed {seed}\n\n{source}"
    return True


@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
@pytest.mark.parametrize("seed", range(20))
def test_random_programs(seed):
    check(seed)


@pytest.mark.parametrize("seed", range(100, 108))
def test_second_order(seed):
    """Every pair of modes, eager, and the compiled ones."""
    f, source = program(seed)
    x, t = np.random.default_rng(seed).normal(size=(2, N))
    wanted = hy.hvp(f, (x,), (t,))[0]
    found = {
        "reverse twice": hy.grad(lambda x: (hy.grad(f)(x) * t).sum())(x),
        "reverse over forward": hy.grad(lambda x: hy.jvp(f, (x,), (t,))[1])(x),
        "compiled": hy.function(lambda x, t: hy.hvp(f, (x,), (t,))[0], strict=True)(x, t),
        "compiled the other way": hy.function(hy.grad(lambda x: hy.jvp(f, (x,), (t,))[1]), strict=True)(x),
    }
    for name, out in found.items():
        wrong = np.abs(out - wanted).max()
        assert wrong <= 1e-8 * (1 + np.abs(wanted).max()), f"{name} of seed {seed}: {out}, not {wanted}\n\n{source}"
    by_direction = hy.grad(lambda t: hy.jvp(f, (x,), (t,))[1])(t)
    np.testing.assert_allclose(by_direction, hy.grad(f)(x), 1e-8, 1e-8)


@pytest.fixture
def fresh():
    """Without derivatives that are remembered, before and after."""

    def forget():
        levels._known.clear()
        lane._known.clear()

    forget()
    yield
    forget()


def test_a_wrong_derivative_is_found(monkeypatch, fresh):
    """With cotangents that meet in one value forgotten but for the last, a program is reported."""
    monkeypatch.setattr(reverse.Cotangents, "add", _last)
    with pytest.raises(AssertionError, match=r"eager|compiled"):
        for seed in range(3):
            check(seed)


def _last(cotangents, var, given):
    if isinstance(given, reverse.Part):
        cotangents._parts[var] = [given]
    else:
        cotangents._sums[var] = reverse._fitted(given, var.type)


def test_most_programs_are_told_apart():
    def usable(seed):
        f, _ = program(seed)
        x = np.random.default_rng(seed).normal(size=N)
        return np.allclose(differences(f, x, 1e-5), differences(f, x, 1e-6), 1e-4, 1e-5)

    with np.errstate(all="ignore"):
        assert sum(map(usable, range(50))) > 30
