"""Object code kept on disk by content, so that the second process to need a kernel compiles nothing.

A file is `magic, format, length, sha256 of the code, code`. Anything wrong with one (cut short, flipped bits, another
format) is a miss, and the file goes. Files appear whole (`os.replace`), so processes may share a directory.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

from hybrid.codegen.target import Target
from hybrid.core import forks
from hybrid.core.config import config
from hybrid.runtime import engine

# Raise when the same LLVM text must compile to something else, e.g. after a change of the pass pipeline.
REVISION = 2

_HEADER = struct.Struct("<8sIQ32s")
_MAGIC = b"HYBRIDOC"
_FORMAT = 1
_SUFFIX = ".o"
_SHARDS = 256  # directories, by the first two digits of the keys
_SHARED_OUT = 64 << 20  # a limit from which on each of them has its share: dozens of kernels
_TRIM_TO = 0.8  # a trim goes this far below the limit, so that the next many writes need none

# In memory, for a process that compiles the same text again (a dropped and re-created function): 256 kernels, about 2 MB.
_MEMORY_ENTRIES = 256

_lock = threading.Lock()
forks.free_in_child(_lock)


def key_of(text: str, target: Target, versions: tuple[object, ...] = ()) -> str:
    """The content key of a module: sha256 over its text, its target, and every version that shapes the code.

    Comments don't count: they name the user's lines, and code that moved down a line is the same code.
    """
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(";"))
    parts = (text, target.key, llvmlite.__version__, llvm.llvm_version_info, REVISION, *versions)
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


class DiskCache:
    """Bytes by hex key under `directory`, at most `limit_mb` MiB of them; the least recently used go first.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     cache = DiskCache(directory, limit_mb=1)
    ...     cache.put("ab12", b"code")
    ...     cache.get("ab12"), cache.get("ff00")
    (b'code', None)
    """

    def __init__(self, directory: str | Path, limit_mb: int):
        self.directory, self.limit = Path(directory), limit_mb << 20
        self._writable = True
        self._sizes: dict[Path, int] = {}  # bytes on disk as far as this process knows, by part of the cache

    def get(self, key: str) -> bytes | None:
        """The bytes stored under `key`, or None. A damaged file is removed."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:  # absent, or not for us to read
            return None
        data = _unpack(content)
        with suppress(OSError):  # another process may have removed the file meanwhile, or the directory is read-only
            if data is None:
                path.unlink()
            else:
                os.utime(path)
        return data

    def put(self, key: str, data: bytes) -> None:
        """Store `data`. Where the directory cannot be written, warn once and keep nothing."""
        if not self._writable:
            return
        path = self._path(key)
        content = _HEADER.pack(_MAGIC, _FORMAT, len(data), hashlib.sha256(data).digest()) + data
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.parent / f".{os.getpid()}.{threading.get_ident()}.{path.name}"
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                os.replace(temporary, path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            self._writable = False
            warnings.warn(f"compiled code is not kept on disk: {error}. Set HYBRID_CACHE_DIR to a directory that can be "
                          "written, or HYBRID_CACHE=0", RuntimeWarning, stacklevel=2)  # fmt: skip
            return
        self._grow(len(content), path)

    def _path(self, key: str) -> Path:
        return self.directory / key[:2] / (key + _SUFFIX)

    def _grow(self, size: int, path: Path) -> None:
        """Note what has been written, and remove the least recently used files of one part of the cache once it is too large.

        Keys are spread evenly over the directories. Where each of these may keep many files, it has its share of the limit: to
        look at all of 100 000 files takes seconds, which a first call should not have to wait for.
        """
        alone = self.limit >= _SHARED_OUT
        part, limit = (path.parent, self.limit // _SHARDS) if alone else (self.directory, self.limit)
        with _lock:
            shards = [path.parent] if alone else _shards(self.directory)
            known = self._sizes.get(part)
            self._sizes[part] = sum(n for shard in shards for _, n, _ in _files(shard)) if known is None else known + size
            if self._sizes[part] > limit:
                self._sizes[part] = _trim(shards, limit)


def _trim(shards: Iterable[Path | str], limit: int) -> int:
    """Remove the least recently used files once over the limit; the bytes that stay."""
    files = [file for shard in shards for file in _files(shard)]
    total = sum(size for _, size, _ in files)
    if total <= limit:
        return total
    for _, size, path in sorted(files):
        if total <= limit * _TRIM_TO:
            break
        with suppress(OSError):
            os.unlink(path)
        total -= size
    return total


def _shards(directory: Path) -> list[str]:
    with suppress(OSError), os.scandir(directory) as found:
        return [entry.path for entry in found if len(entry.name) == 2]
    return []


def _files(directory: Path | str) -> list[tuple[int, int, str]]:
    """Time, size and path of each file, temporary ones too: a process may have died while writing."""
    files = []
    with suppress(OSError), os.scandir(directory) as found:
        for entry in found:
            with suppress(OSError):
                status = entry.stat()
                files.append((status.st_mtime_ns, status.st_size, entry.path))
    return files


def _unpack(content: bytes) -> bytes | None:
    if len(content) < _HEADER.size:
        return None
    magic, version, length, digest = _HEADER.unpack_from(content)
    data = content[_HEADER.size :]
    sound = magic == _MAGIC and version == _FORMAT and length == len(data) and digest == hashlib.sha256(data).digest()
    return data if sound else None


@dataclass(frozen=True)
class Stats:
    """Where object code came from in this process."""

    memory: int = 0
    disk: int = 0
    compiled: int = 0


_stats = Stats()
_recent: OrderedDict[str, bytes] = OrderedDict()


def stats() -> Stats:
    """The counts so far."""
    return _stats


def object_for(text: str, target: Target, quick: bool = False) -> bytes:
    """Object code for a module of LLVM IR: from memory, from disk (`config.cache`), or compiled now and kept."""
    global _stats
    key = key_of(text, target, (quick,))
    with _lock:
        found = _recent.get(key)
        if found is not None:
            _recent.move_to_end(key)
            _stats = replace(_stats, memory=_stats.memory + 1)
            return found
    disk = _disk(config.cache_dir, config.cache_limit_mb) if config.cache else None
    found = disk.get(key) if disk else None
    fresh = found is None
    code = engine.compile_object(text, target, quick) if found is None else found
    with _lock:
        _stats = replace(_stats, compiled=_stats.compiled + fresh, disk=_stats.disk + (not fresh))
        _recent[key] = code
        while len(_recent) > _MEMORY_ENTRIES:
            _recent.popitem(last=False)
    if disk and fresh:
        disk.put(key, code)
    return code


@lru_cache(maxsize=8)
def _disk(directory: str, limit_mb: int) -> DiskCache:
    return DiskCache(directory, limit_mb)
