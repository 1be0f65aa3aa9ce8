"""The file: a zip of graph.txt (the graph's text form), one .npy for each captured array, and meta.json. No pickle.

    meta.json    {"format": 1, "hybrid": version, "constants": {"c0": "f32", …}, "arguments": …, "results": …}

16-bit brain floats have no .npy form: they are stored as uint16, and "constants" says so. Equal graphs give equal bytes.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import numpy as np

from hybrid import ops  # noqa: F401  the rows that graph text names
from hybrid.core import dtype as dt
from hybrid.core.errors import ArgumentError, GraphError
from hybrid.ir.graph import Graph, has_effects, walk
from hybrid.ir.text import parse

FORMAT = 1
GRAPH, META, CONSTANT = "graph.txt", "meta.json", "constants/{}.npy"
_CALLS = frozenset(("island", "jitted", "jitted_failing"))  # functions that only this process has
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold
# What reading a damaged zip or .npy raises.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, ValueError, AttributeError, RuntimeError)


def version() -> str:
    """The installed version of hybrid."""
    try:
        return installed_version("hybrid-engine")
    except PackageNotFoundError:
        return "not installed"


def write(path: Path, graph: Graph, meta: Mapping[str, Any]) -> None:
    """Write a graph and what is known about it; the file appears whole or not at all."""
    if has_effects(graph):
        raise ArgumentError(f"{graph.name} draws from a NumPy generator, which a file does not have",
                            fix="pass the random numbers as an argument")  # fmt: skip
    calls = [str(eqn.params["call"]) for eqn in walk(graph) if eqn.primitive.name in _CALLS]
    if calls:
        raise ArgumentError(f"{graph.name} calls a function that is not compiled, which a file does not have",
                            got=", ".join(dict.fromkeys(calls)),
                            fix="compute it outside, and pass its results")  # fmt: skip
    constants = {f"c{k}": array for k, (_, array) in enumerate(graph.constants)}
    known = {"format": FORMAT, "hybrid": version(), "constants": {k: dt.SHORT[a.dtype] for k, a in constants.items()}, **meta}
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            _add(archive, META, json.dumps(known, indent=1).encode())
            _add(archive, GRAPH, str(graph).encode())
            for key, array in constants.items():
                _add(archive, CONSTANT.format(key), _npy(array))
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    # mkstemp makes files private; the saved one gets what open() would give it.
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data, zipfile.ZIP_STORED if name.endswith(".npy") else zipfile.ZIP_DEFLATED)


def _npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    plain = np.ascontiguousarray(array).reshape(array.shape)  # ascontiguousarray makes scalars rank 1
    np.lib.format.write_array(out, plain.view(np.uint16) if array.dtype == dt.bfloat16 else plain, allow_pickle=False)
    return out.getvalue()


def read(path: Path) -> tuple[Graph, dict[str, Any]]:
    """The graph and the meta data of a file. GraphError where it is damaged, or of another format."""
    content = io.BytesIO(path.read_bytes())
    try:
        with zipfile.ZipFile(content) as archive:
            meta = json.loads(archive.read(META))
            _check_format(path, meta)
            text = archive.read(GRAPH).decode()
            constants = {key: _array(archive, key, short) for key, short in meta["constants"].items()}
    except GraphError:
        raise
    except _DAMAGE as error:
        raise GraphError(f"{path} is not a saved graph, or is damaged", got=f"{type(error).__name__}: {error}",
                         expected="a file that hybrid.export.save wrote", fix="save it again") from error  # fmt: skip
    try:
        return parse(text, constants), meta
    except (GraphError, RecursionError) as error:
        raise GraphError(f"the graph in {path} cannot be read", got=str(error),
                         expected=f"a graph of hybrid {version()}; the file is of {meta.get('hybrid')}") from error  # fmt: skip


def _check_format(path: Path, meta: Any) -> None:
    found = meta.get("format") if isinstance(meta, dict) else None
    if found != FORMAT:
        got = f"format {found} of hybrid {meta.get('hybrid')}" if found else "no format"
        raise GraphError(f"{path} is of another format", got=got, expected=f"format {FORMAT}",
                         fix="load it with the hybrid that wrote it, or save it again")  # fmt: skip


def _array(archive: zipfile.ZipFile, key: str, short: str) -> np.ndarray:
    dtype = dt.BY_SHORT[short]
    array = np.lib.format.read_array(io.BytesIO(archive.read(CONSTANT.format(key))), allow_pickle=False)
    if array.dtype != (np.uint16 if dtype == dt.bfloat16 else dtype):
        raise ValueError(f"{key} is {array.dtype}, meta.json says {short}")
    return np.ascontiguousarray(array.view(dtype)).reshape(array.shape)
