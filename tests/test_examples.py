"""The examples give the same results undecorated and decorated, and the sessions in the documentation run as printed."""

from __future__ import annotations

import doctest
import re
import runpy
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime

import hybrid as hy
from examples import black_scholes, compare, digits, image_pipeline, pendulum_fit, train_digits
from hybrid.core.shape import TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import evaluate
from hybrid.ir.primitive import TABLE
from hybrid.ops import view
from hybrid.transforms.reverse import vjp

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.glob("*.md") if ">>> " in page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("dtype", "rtol", "atol"), [("float64", 1e-11, 1e-11), ("float32", 1e-3, 1e-3)])
def test_black_scholes(dtype, rtol, atol):
    args = black_scholes.market(5000, dtype)
    got = black_scholes.fast_quote(*args)
    compare.assert_same(got, black_scholes.quote(*args), rtol=rtol, atol=atol)
    assert isinstance(got, black_scholes.Quote)
    assert got.price.dtype == dtype


def test_greeks_are_the_derivatives_of_the_price():
    spot, strike, years, volatility, rate = black_scholes.market(200)
    step = 1e-4

    def price(**moved):
        values = {"spot": spot, "strike": strike, "years": years, "volatility": volatility, "rate": rate} | moved
        return black_scholes.fast_quote(**values).price

    greeks = black_scholes.fast_quote(spot, strike, years, volatility, rate)
    slopes = {
        "delta": (price(spot=spot + step) - price(spot=spot - step)) / (2 * step),
        "vega": (price(volatility=volatility + step) - price(volatility=volatility - step)) / (2 * step),
        "theta": (price(years=years - step) - price(years=years + step)) / (2 * step),
        "rho": (price(rate=rate + step) - price(rate=rate - step)) / (2 * step),
    }
    for name, slope in slopes.items():
        np.testing.assert_allclose(getattr(greeks, name), slope, rtol=1e-4, atol=1e-4, err_msg=name)


@pytest.mark.parametrize(("height", "width"), [(48, 64), (31, 57)])
def test_image_pipeline(height, width):
    photo = image_pipeline.photographs()["flower"][100 : 100 + height, 200 : 200 + width]
    got = image_pipeline.fast_develop(photo, 1.2, 0.7)
    compare.assert_same(got, image_pipeline.develop(photo, 1.2, 0.7), rtol=1e-5, atol=1e-5)
    assert got.shape == (height, width, 3)
    assert got.dtype == np.float32


def test_blur_keeps_a_flat_picture_flat():
    flat = np.full((20, 30, 3), 0.25, np.float32)
    np.testing.assert_allclose(image_pipeline.blur(flat), flat, rtol=1e-6)


def test_pictures_are_written(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setattr(image_pipeline, "OUT", tmp_path / "out")
    path = image_pipeline.save("grey", np.full((4, 5, 3), 0.5, np.float32))
    with Image.open(path) as image:
        assert (image.size, image.getpixel((0, 0))) == ((5, 4), (128, 128, 128))


def test_kmeans():
    points, labels = digits.load()
    got = digits.kmeans(digits.fast_kmeans_step, points[:500], rounds=8)
    compare.assert_same(got, digits.kmeans(digits.kmeans_step, points[:500], rounds=8), rtol=1e-9)
    assert got[0].shape == (10, points.shape[1])
    assert got[1].shape == labels[:500].shape


def test_logistic_regression_learns():
    points, labels = digits.load()
    got = digits.regression(digits.fast_regression_step, points[:600], labels[:600], steps=60)
    want = digits.regression(digits.regression_step, points[:600], labels[:600], steps=60)
    compare.assert_same(got, want, rtol=1e-8, atol=1e-10)
    assert digits.accuracy(*got[:2], points[600:900], labels[600:900]) > 0.8


def test_the_pendulum_is_found():
    seen = pendulum_fit.recording(300)
    got = pendulum_fit.fast_slope(pendulum_fit.GUESS, seen)
    compare.assert_same(got, pendulum_fit.slope(pendulum_fit.GUESS, seen), rtol=1e-8, atol=1e-9)
    numeric = approx_fprime(pendulum_fit.GUESS, lambda p: pendulum_fit.misfit(p, seen), 1e-7)
    np.testing.assert_allclose(got[1], numeric, rtol=1e-4, atol=1e-5)
    found = pendulum_fit.fit(seen)
    np.testing.assert_allclose(found.x[:3], pendulum_fit.TRUE[:3], atol=0.05)  # six seconds tell friction from drag
    assert pendulum_fit.fast_slope.stats()["fallbacks"] == []


@pytest.mark.parametrize("make", [train_digits.training, train_digits.training_with_tape])
def test_networks_train_alike_eager_and_decorated(make):
    images, labels = train_digits.pictures()
    plain, fast = train_digits.network(), train_digits.network()
    step = hy.function(make(fast), strict=True)
    losses = train_digits.train(step, images[:600], labels[:600], epochs=5)
    np.testing.assert_allclose(losses, train_digits.train(make(plain), images[:600], labels[:600], epochs=5), rtol=1e-3)
    for g, e in zip(fast, plain, strict=True):
        np.testing.assert_allclose(g.detach(), e.detach(), rtol=1e-2, atol=1e-4)
    assert losses[-1] < 0.85 * losses[0]
    assert step.traces[0].calls + step.traces[0].native_calls == len(losses)


def test_demo(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(image_pipeline, "OUT", tmp_path / "out")
    monkeypatch.setattr(compare, "BUDGET", 0.0)
    monkeypatch.setattr(black_scholes.run, "__defaults__", (2000,))
    monkeypatch.setattr(pendulum_fit.run, "__defaults__", (50,))
    runpy.run_module("examples.demo", run_name="__main__")
    shown = capsys.readouterr().out
    for text in (
        "Black-Scholes, 2,000 options",
        "image pipeline",
        "k-means step",
        "training step",
        "pendulum",
        "fast.explain()",
    ):
        assert text in shown
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["china.png", "flower.png"]
    assert "flower.png" in shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_sessions_in_the_documentation(page):
    failed, tried = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert tried
    assert not failed


def test_the_readme_runs(tmp_path, capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (tmp_path / "readme.py").write_text("\n".join(blocks), encoding="utf-8")
    names = runpy.run_path(str(tmp_path / "readme.py"))
    assert "tanh(0.79788" in capsys.readouterr().out
    assert names["step"].traces[0].calls == 1
    np.testing.assert_allclose(names["w"].detach(), [0.2] * 3)


def test_every_setting_is_documented():
    text = (DOCS / "looking_inside.md").read_text(encoding="utf-8")
    assert [field.name for field in fields(hy.config) if f"| `{field.name}` |" not in text] == []


def test_the_primitive_in_the_contributors_guide():
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = next(code for code in re.findall(r"^```python\n(.*?)^```", guide, re.DOTALL | re.MULTILINE) if "register(" in code)
    names = dict(vars(view))
    try:
        exec(block, names)
        row = names["antidiagonal"]
        for operands, params in row.sample(np.random.default_rng(0)):
            got = row.eval(*operands, **params)
            assert (got.dtype, got.shape) == (operands[0].dtype, operands[0].shape[:1])
        x, v = np.arange(9.0).reshape(3, 3), np.array([1.0, 10.0, 100.0])
        builder = Builder("antidiagonal")
        var = builder.input(TensorType(x.dtype, x.shape))
        graph = builder.finish(builder.append(row, (var,)))
        (pulled,) = evaluate(vjp(graph, [True], [True], results=False), x, v)
        assert v @ row.eval(x) == (pulled * x).sum()
    finally:
        TABLE.pop("antidiagonal", None)
