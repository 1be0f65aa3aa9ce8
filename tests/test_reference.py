"""The reference is whole and fresh: every public name is on a page, says what it is and shows an example that runs."""

from __future__ import annotations

import doctest
import importlib.util
import inspect
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import hybrid as hy

DOCS = Path(__file__).parent.parent / "docs"
_spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
assert _spec is not None and _spec.loader is not None
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)
PAGES = reference.pages()
# What a docstring cannot be put on, and what examples of its own would say nothing of: errors.md shows them.
PLAIN = (np.dtype, float, str, type(None))


def documented():
    """Every name that has to say what it is: public names, methods of tensors and of decorated functions."""
    yield from (
        (name, value) for name, value in reference.names().items() if not isinstance(value, PLAIN) and value is not hy.errors
    )
    yield from ((f"x.{name}", value) for name, value in reference.methods(hy.Tensor).items())
    yield from ((f"f.{name}", value) for name, value in reference.function_methods().items())


NAMES = dict(documented())


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is_and_shows_it(name):
    said, example = reference.text_and_example(NAMES[name])
    assert said.split("\n")[0].rstrip(")").endswith((".", ":")), said
    assert example.startswith(">>> ")


def test_pages_are_what_the_generator_makes():
    for page, text in PAGES.items():
        path = reference.FOLDER / f"{page}.md"
        assert path.exists() and path.read_text(encoding="utf-8") == text, f"{path.name} is not fresh: make reference"
    assert sorted(path.stem for path in reference.FOLDER.glob("*.md")) == sorted(PAGES)


def test_every_name_is_on_a_page():
    text = "\n".join(PAGES.values())
    assert [name for name in [*reference.names(), *NAMES] if f"`{name}`" not in text and name != "hy.errors"] == []
    assert [name for name in reference.public(hy.errors) if f"| `{name}` |" not in text] == []


def test_every_page_is_linked_and_every_link_ends_somewhere():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert [page for page in PAGES if f"(reference/{page}.md)" not in index or f"\nreference/{page}\n" not in index] == []
    anchors = {page: {reference.slug(re.findall("`(.*?)`", line)) for line in text.split("\n") if line.startswith("#")}
               for page, text in PAGES.items()}  # fmt: skip
    for text in PAGES.values():
        for page, anchor in re.findall(r"\]\((\w+)\.md#([\w-]+)\)", text):
            assert anchor in anchors[page]


def test_pytest_finds_the_examples():
    modules = [module for name, module in sys.modules.items() if name.startswith("hybrid.")]
    found = {inspect.cleandoc(test.docstring) for module in modules for test in doctest.DocTestFinder().find(module)}
    assert [name for name, value in NAMES.items() if inspect.cleandoc(reference.docstring(value)) not in found] == []
