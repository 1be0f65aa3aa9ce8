"""Gradients beside PyTorch's and JAX's, over PyTorch's own sample inputs: `make peers`.

Every sample of an operation that `samples.FORMS` has words for goes through autograd, through hybrid's tape and through a
compiled `value_and_grad`; where JAX has the names, through JAX's, too. Values and gradients are compared in float64. What
differs is listed, and the exit status says whether anything does.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import scipy.special

import hybrid as hy
from tests.peers.known import KNOWN
from tests.peers.samples import FORMS, Elsewhere

TOLERANCE = 1e-6
COMPILED = 4  # samples of an operation that are compiled: that takes a third of a second each


class Names:
    """The first of some namespaces that has a name."""

    def __init__(self, *spaces: Any):
        self.spaces = spaces

    def __getattr__(self, name: str) -> Any:
        for space in self.spaces:
            if hasattr(space, name):
                return getattr(space, name)
        raise Elsewhere(name)


OURS = Names(np, hy, scipy.special)


def mapped(x: Any, change: Callable[[Any], Any]) -> Any:
    """Arguments of PyTorch's with something else for its tensors."""
    if type(x).__name__ in ("Tensor", "Parameter"):
        return change(x)
    if isinstance(x, (list, tuple)):
        return type(x)(mapped(item, change) for item in x)
    return {k: mapped(v, change) for k, v in x.items()} if isinstance(x, dict) else x


class Sample:
    """One call of PyTorch's: its arguments, and what autograd says of a result and its gradients."""

    def __init__(self, torch: Any, op: Any, sample: Any):
        call = (sample.input, *sample.args), sample.kwargs
        self.leaves: list[Any] = []
        mapped(call, lambda t: self.leaves.append(t) if t.requires_grad and t.is_floating_point() else None)
        out = op(*call[0], **call[1])
        if isinstance(out, (tuple, list)):
            out = out[1] if op.name == "linalg.slogdet" else out[0]
        if not out.is_floating_point() and not out.is_complex():
            raise Elsewhere("a result without gradients")
        rng = np.random.default_rng(0)
        self.weights = rng.uniform(0.5, 1.5, tuple(out.shape))
        total = (out.real if out.is_complex() else out) * torch.from_numpy(self.weights)
        found = torch.autograd.grad(total.sum(), self.leaves, allow_unused=True)
        self.value = out.detach().resolve_conj().resolve_neg().numpy()
        self.gradients = [np.zeros(tuple(x.shape)) if g is None else g.numpy() for g, x in zip(found, self.leaves)]
        self.call = call
        self.arrays = [x.detach().numpy().copy() for x in self.leaves]

    def loss(self, form: Callable, xp: Any, given: Sequence[Any], others: Callable[[np.ndarray], Any]) -> tuple[Any, Any]:
        """The value of a form on other leaves, and the number whose gradients are compared."""
        source = iter(given)
        args, kwargs = mapped(
            self.call, lambda t: next(source) if any(t is leaf for leaf in self.leaves) else others(t.detach().numpy())
        )
        out = form(xp, *args, **kwargs)
        if isinstance(out, tuple):
            out = out[1]
        part = xp.real(out) if np.issubdtype(out.dtype, np.complexfloating) else out
        return out, xp.sum(part * self.weights)


def ours(sample: Sample, form: Callable) -> tuple[Any, list]:
    leaves = [hy.tensor(a, requires_grad=True) for a in sample.arrays]
    out, loss = sample.loss(form, OURS, leaves, hy.tensor)
    if loss.requires_grad:
        loss.backward()
    return out.detach().numpy(), [np.zeros(x.shape) if x.grad is None else x.grad.numpy() for x in leaves]


def compiled(sample: Sample, form: Callable) -> tuple[Any, list]:
    slope = hy.function(hy.value_and_grad(
        lambda *leaves: sample.loss(form, OURS, leaves, lambda a: a)[::-1], tuple(range(len(sample.arrays))), has_aux=True
    ))  # fmt: skip
    (_, out), gradients = slope(*sample.arrays)
    return np.asarray(out), list(gradients)


def jaxs(sample: Sample, form: Callable) -> tuple[Any, list]:
    import jax

    xp = Names(jax.numpy, jax.nn, jax.scipy.special)
    slope = jax.value_and_grad(
        lambda *leaves: sample.loss(form, xp, leaves, lambda a: a)[::-1], tuple(range(len(sample.arrays))), has_aux=True
    )
    (_, out), gradients = slope(*sample.arrays)
    return np.asarray(out), [np.asarray(g) for g in gradients]


def differences(found: tuple[Any, list], value: Any, gradients: Sequence[np.ndarray]) -> Iterator[str]:
    pairs = [("value", found[0], value), *(("gradient", a, b) for a, b in zip(found[1], gradients))]
    for what, a, b in pairs:
        if np.shape(a) != np.shape(b):
            yield f"{what} of shape {np.shape(a)} beside {np.shape(b)}"
        elif not np.allclose(a, b, TOLERANCE, TOLERANCE, equal_nan=True):
            yield f"{what} {np.ravel(a)[:4]} beside {np.ravel(b)[:4]}"


def compare(torch: Any, op: Any, form: Callable, most: int, told: list[str], counts: Counter) -> None:
    for k, given in enumerate(op.sample_inputs("cpu", torch.float64, requires_grad=True)):
        if k >= most:
            break
        try:
            sample = Sample(torch, op, given)
            mine = ours(sample, form)
        except Elsewhere:
            counts["without words"] += 1
            continue
        except Exception as error:
            told.append(f"{op.name} {k}: {type(error).__name__}: {str(error).splitlines()[0][:120]}")
            continue
        counts["PyTorch"] += 1
        told += [f"{op.name} {k}, beside PyTorch: {text}" for text in differences(mine, sample.value, sample.gradients)]
        for name, wanted, run in (("compiled", k < COMPILED, compiled), ("JAX", True, jaxs)):
            if not wanted or not sample.arrays:
                continue
            try:
                found = run(sample, form)
            except Elsewhere:
                continue
            except Exception as error:
                if name == "compiled":
                    told.append(f"{op.name} {k}, compiled: {type(error).__name__}: {str(error).splitlines()[0][:120]}")
                counts[f"{name} refuses"] += 1
                continue
            counts[name] += 1
            told += [f"{op.name} {k}, {name}: {text}" for text in differences(mine, *found)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.peers")
    parser.add_argument("names", nargs="*", help="operations of PyTorch's; all by default")
    parser.add_argument("--most", type=int, default=40, help="samples of one operation")
    options = parser.parse_args()
    import jax
    import torch
    from torch.testing._internal.common_methods_invocations import op_db

    jax.config.update("jax_enable_x64", True)
    warnings.simplefilter("ignore")
    counts: Counter = Counter()
    found: dict[str, list[str]] = {}
    chosen = [op for op in op_db if not op.variant_test_name and op.name in FORMS and op.name in (options.names or FORMS)]
    for op in chosen:
        found[op.name] = told = []
        with np.errstate(all="ignore"):
            compare(torch, op, FORMS[op.name], options.most, told, counts)
    unexpected = [line for name, told in found.items() if name not in KNOWN for line in told]
    settled = [name for name in KNOWN if name in found and not found[name]]
    print("\n".join(unexpected))
    for name in KNOWN.keys() & found.keys() - set(settled):
        print(f"known: {name}: {KNOWN[name]} ({len(found[name])} samples)")
    print(f"{len(chosen)} operations of PyTorch's; samples: {dict(counts)}; {len(unexpected)} differences that nobody expects")
    if settled:
        print("known differences that are gone:", ", ".join(settled))
    return 1 if unexpected or settled else 0


if __name__ == "__main__":
    sys.exit(main())
