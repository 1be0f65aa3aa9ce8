# Everything a contributor runs. Needs Python 3.11 or newer and make; the rest is installed into .venv.
#
#   make demo    real programs, undecorated and decorated              make bench   every engine on this machine
#   make test    the tests and the doctests                            make docs    the site, in docs/_build/html
#   make lint    format, lint, types                                   make sweep   the long accuracy sweeps
#   make standard  the public suite of the array-API standard

PYTHON ?= python3
VENV := .venv
BENCH_VENV := .venv-bench
RUN := $(VENV)/bin/python
SUITE := .array-api-tests
SUITE_COMMIT := 55fcc60179efa2680ddd6cd926ddf17b83530e2b
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint format bench docs reference fuzz corpus names standard sweep peers clean
.DEFAULT_GOAL := test

demo: $(VENV)/.demo
	$(RUN) -m examples.demo

test: $(VENV)/.test
	$(RUN) -m pytest -n auto --dist worksteal $(ARGS)

lint: $(VENV)/.lint
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy

format: $(VENV)/.lint
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

docs: reference
	$(RUN) -m sphinx -W --keep-going -b html docs docs/_build/html

# The pages of docs/reference, from the docstrings.
reference: $(VENV)/.docs
	$(RUN) docs/reference.py

# Random programs, eager against compiled, until the time is up: make fuzz ARGS="--seconds 600 --seed 1".
fuzz: $(VENV)/.test
	$(RUN) -m tests.fuzz $(ARGS)

# Real programs, undecorated against decorated: the table of docs/corpus.md. make corpus ARGS="linear heat_1d" runs some of them.
corpus: $(VENV)/.test
	$(RUN) -m tests.corpus $(or $(ARGS),--write docs/corpus.md --ratchet tests/corpus/strict.txt)

# What becomes of each name of NumPy, scipy.special and math: the table of docs/names.md.
names: $(VENV)/.test
	$(RUN) -m tests.names --write docs/names.md

# The public suite of the array-API standard, eager, compiled and on NumPy: the page docs/standard.md.
# make standard ARGS="--mode eager --examples 20 -k fft" runs a part of it.
standard: $(VENV)/.standard $(SUITE)/.$(SUITE_COMMIT)
	$(RUN) -m tests.standard $(SUITE) $(or $(ARGS),--write docs/standard.md)

sweep: $(VENV)/.test
	@set -e; for script in tests/sweeps/*.py; do echo "== $$script"; $(RUN) $$script; done

# PyTorch and JAX live in an environment of their own: nobody needs them to use or to test hybrid.
# make bench ARGS="elementwise rowwise" runs some of the questions.
bench: $(BENCH_VENV)/.bench
	$(BENCH_VENV)/bin/python -m bench $(ARGS)

# Gradients beside PyTorch's and JAX's over PyTorch's own sample inputs: make peers ARGS="--most 5 linalg.det softmax".
peers: $(BENCH_VENV)/.bench
	$(BENCH_VENV)/bin/python -m tests.peers $(ARGS)

clean:
	rm -rf $(VENV) $(BENCH_VENV) $(SUITE) build dist docs/_build examples/out .pytest_cache .mypy_cache .ruff_cache

# One stamp per extra, so that a repeated run starts at once.
$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.%: pyproject.toml | $(VENV)/bin/python
	$(RUN) $(PIP_INSTALL) -e '.[$*]'
	@touch $@

$(SUITE)/.$(SUITE_COMMIT):
	test -d $(SUITE)/.git || git clone --quiet --recurse-submodules https://github.com/data-apis/array-api-tests $(SUITE)
	git -C $(SUITE) fetch --quiet origin $(SUITE_COMMIT)
	git -C $(SUITE) checkout --quiet $(SUITE_COMMIT)
	git -C $(SUITE) submodule --quiet update --init
	@touch $@

$(BENCH_VENV)/bin/python:
	$(PYTHON) -m venv $(BENCH_VENV)

$(BENCH_VENV)/.bench: pyproject.toml bench/requirements.txt | $(BENCH_VENV)/bin/python
	$(BENCH_VENV)/bin/python $(PIP_INSTALL) -e '.[demo]' -r bench/requirements.txt
	@touch $@
