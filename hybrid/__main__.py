"""`python -m hybrid`: what this machine offers, and saved graphs shown and run from the command line.

python -m hybrid                                  version, machine, settings
python -m hybrid show model.hy --stage loops      graph · loops · numba · llvm · asm · dot
python -m hybrid run model.hy x.npy 0.5 -o out.npz
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.core.config import Config, config, cpu_count
from hybrid.core.errors import ArgumentError, HybridError
from hybrid.export import Saved, load
from hybrid.export.archive import version
from hybrid.frontend.values import unwrap
from hybrid.runtime.program import Lowered
from hybrid.staging import listing
from hybrid.staging.pictures import dot

STAGES = ("graph", "loops", "numba", "llvm", "asm", "dot")


def main(argv: list[str] | None = None) -> int:
    """Run one command; 1 where it failed for a reason that its message explains."""
    parser = argparse.ArgumentParser(
        prog="python -m hybrid", description="Look at this machine, or show and run a saved graph."
    )
    commands = parser.add_subparsers(dest="command")
    show = commands.add_parser("show", help="print one stage of a saved graph")
    show.add_argument("file", type=Path)
    show.add_argument("--stage", choices=STAGES, default="graph")
    run = commands.add_parser("run", help="run a saved graph on .npy files and numbers, in the order of its inputs")
    run.add_argument("file", type=Path)
    run.add_argument("inputs", nargs="*", help="a .npy file, or a number")
    run.add_argument("-o", "--out", type=Path, help="write the results into this .npz file")
    options = parser.parse_args(argv)
    try:
        if options.command == "show":
            print(stage(load(options.file), options.stage))
        elif options.command == "run":
            execute(load(options.file), options.inputs, options.out)
        else:
            print(about())
    except (HybridError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def about() -> str:
    """Versions, machine, and the settings that differ from their defaults."""
    import llvmlite

    from hybrid.codegen.target import host

    target = host()
    rows = {
        "hybrid": version(),
        "python": f"{platform.python_version()} ({sys.executable})",
        "numpy": np.__version__,
        "llvmlite": f"{llvmlite.__version__}, LLVM {'.'.join(map(str, llvmlite.binding.llvm_version_info))}",
        "machine": f"{target.triple}, {target.cpu}",
        "vectors": f"{target.vector_bits} bits: {target.lanes(np.dtype('float32'))} float32",
        "threads": cpu_count(),
        "cache": f"{config.cache_dir} ({'on' if config.cache else 'off'})",
    }
    for setting in fields(Config):
        value = getattr(config, setting.name)
        if value != setting.default and setting.name != "cache_dir":
            rows[f"config.{setting.name}"] = value
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())


def stage(saved: Saved, name: str) -> str:
    """One stage of a saved graph as text."""
    if name == "graph":
        return str(saved)
    show: dict[str, Callable[[Lowered], str]] = {
        "loops": str,
        "numba": listing.numba,
        "llvm": listing.llvm,
        "asm": listing.asm,
        "dot": dot,
    }
    return show[name](saved.lowered)


def execute(saved: Saved, inputs: list[str], out: Path | None) -> None:
    """Run once to compile and once more for the time; print what came out, or write it."""
    types = list(saved.inputs.items())
    if len(inputs) != len(types):
        raise ArgumentError(
            f"{saved.graph.name} takes {len(types)} inputs", got=len(inputs), expected=", ".join(f"{n}: {t}" for n, t in types)
        )
    arrays = [_read(text, name) for text, (name, _) in zip(inputs, types)]
    saved.run(arrays)
    start = time.perf_counter()
    results = dict(_flat("result", saved.run(arrays)))
    elapsed = time.perf_counter() - start
    if out is not None:
        arrays_out: dict[str, Any] = {name: np.asarray(unwrap(value)) for name, value in results.items()}
        np.savez(out, **arrays_out)
    for name, value in results.items():
        array = np.asarray(unwrap(value))
        print(f"{name}: {array.dtype}{list(array.shape)}" + ("" if out else f" = {np.array2string(array, threshold=20)}"))
    print(f"{1e6 * elapsed:.0f} µs" + (f"; written to {out}" if out else ""))


def _read(text: str, name: str) -> Any:
    if text.endswith(".npy"):
        return np.load(text, allow_pickle=False)
    try:
        return complex(text) if "j" in text else float(text)
    except ValueError:
        raise ArgumentError(f"the input {name!r} is neither a .npy file nor a number", got=text) from None


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Results by place: `result.loss`, `result.0`."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _flat(f"{path}.{key}", child)
    elif isinstance(value, (tuple, list)):
        for k, child in enumerate(value):
            yield from _flat(f"{path}.{k}", child)
    elif value is not None:
        yield path, value


if __name__ == "__main__":
    sys.exit(main())
