"""Every name of the array-API standard 2024.12 is there, with the standard's signature (`signatures.txt`)."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import hybrid as hy

LINES = (Path(__file__).parent / "signatures.txt").read_text(encoding="utf-8").splitlines()
CONSTANTS = ("e", "inf", "nan", "newaxis", "pi")
DTYPES = ("bool", "complex64", "complex128", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16",
          "uint32", "uint64")  # fmt: skip
ATTRIBUTES = ("T", "device", "dtype", "mT", "ndim", "shape", "size")
_OPEN = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def stub(line: str) -> tuple[str, list[inspect.Parameter]]:
    """The dotted name and the parameters of a line of the table."""
    name, _, rest = line.partition("(")
    made: dict = {}
    exec(f"def stub({rest}: pass", made)
    return name, list(inspect.signature(made["stub"]).parameters.values())


def found(name: str) -> object:
    thing: object = hy
    for part in name.split("."):
        thing = inspect.getattr_static(thing, part) if thing is hy.Tensor else getattr(thing, part)
    return thing


@pytest.mark.parametrize("line", LINES, ids=[line.partition("(")[0] for line in LINES])
def test_signature(line):
    name, wanted = stub(line)
    own = list(inspect.signature(found(name)).parameters.values())
    named = {parameter.name: parameter for parameter in own}
    places = [parameter for parameter in wanted if parameter.kind is not inspect.Parameter.KEYWORD_ONLY]
    for parameter, have in zip(places, own, strict=False):
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            assert have.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            assert have.kind is parameter.kind
        else:
            assert (have.name, have.kind) == (parameter.name, parameter.kind)
    assert len(own) >= len(places)
    for parameter in wanted[len(places) :]:
        assert named[parameter.name].kind in _OPEN
    required = [p for p in own[len(places) :] if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, *_OPEN)]
    assert not required, "a call by the standard's signature leaves these out"


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants(name):
    assert getattr(hy, name) is None or isinstance(getattr(hy, name), float)


@pytest.mark.parametrize("name", DTYPES)
def test_dtypes(name):
    assert hy.ones(2, dtype=getattr(hy, name)).dtype == getattr(hy, name)
    assert name in hy.__array_namespace_info__().dtypes()


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes(name):
    assert hasattr(hy.ones((2, 3)), name)
