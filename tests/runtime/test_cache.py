"""Object code on disk: damage is a miss, writers do not meet, and the limit holds."""

import os
import threading
import warnings
from dataclasses import replace

import pytest

from hybrid.codegen.target import host
from hybrid.core.config import config
from hybrid.runtime import cache
from hybrid.runtime.cache import DiskCache, key_of, object_for, stats

KEY = "ab" * 32


def only_file(directory):
    (path,) = [path for path in directory.rglob("*") if path.is_file()]
    return path


def test_what_was_put_is_got_by_another_process(tmp_path):
    DiskCache(tmp_path, 1).put(KEY, b"code" * 100)
    assert DiskCache(tmp_path, 1).get(KEY) == b"code" * 100
    assert DiskCache(tmp_path, 1).get("cd" * 32) is None


def test_the_key_depends_on_everything_that_shapes_the_code(monkeypatch):
    target = host()
    keys = {key_of("a", target), key_of("b", target), key_of("a", replace(target, cpu="other")), key_of("a", target, ("v2",))}
    monkeypatch.setattr(cache, "REVISION", cache.REVISION + 1)
    assert len(keys | {key_of("a", target)}) == 5
    monkeypatch.undo()
    assert key_of("a", target) in keys


def test_comments_do_not_count():
    assert key_of("; k0  a.py:3\na", host()) == key_of("; k0  a.py:4\na", host()) != key_of("; k0\nb", host())


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-1],
        lambda content: content + b"x",
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: b"X" + content[1:],
        lambda content: content[:8] + (cache._FORMAT + 1).to_bytes(4, "little") + content[12:],
    ],
    ids=["empty", "header cut", "cut", "longer", "flipped", "magic", "format"],
)
def test_a_damaged_file_is_a_miss_and_goes(tmp_path, damage):
    disk = DiskCache(tmp_path, 1)
    disk.put(KEY, b"code")
    path = only_file(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert disk.get(KEY) is None
    assert not path.exists()
    disk.put(KEY, b"code")
    assert disk.get(KEY) == b"code"


def test_the_least_recently_used_go_first(tmp_path):
    disk = DiskCache(tmp_path, 1)
    keys = [f"{n:02x}" * 32 for n in range(9)]
    for age, key in enumerate(keys):
        disk.put(key, bytes(100_000))
        os.utime(disk._path(key), (1000 + age, 1000 + age))
    assert disk.get(keys[0]) is not None  # now the most recent
    disk.put("ee" * 32, bytes(300_000))
    left = [key for key in keys if disk._path(key).exists()]
    assert keys[0] in left and keys[1] not in left and "ee" * 32 not in left
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.o")) <= disk.limit
    assert left[1:] == keys[len(keys) - len(left) + 1 :]


def test_concurrent_writers_are_harmless(tmp_path):
    def write(number):
        disk = DiskCache(tmp_path, 1)
        for _ in range(20):
            disk.put(KEY, bytes([number]) * 1000)
            found = disk.get(KEY)
            if found is None or len(set(found)) != 1 or len(found) != 1000:
                torn.append(found)

    torn: list = []
    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not torn
    only_file(tmp_path)  # and no temporary file is left


def test_a_directory_that_cannot_be_written_warns_once(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    disk = DiskCache(blocked, 1)
    with pytest.warns(RuntimeWarning, match="not kept on disk.*HYBRID_CACHE_DIR"):
        disk.put(KEY, b"code")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        disk.put(KEY, b"code")
        assert disk.get(KEY) is None


def test_object_for_counts_where_code_came_from(tmp_path):
    text = "define i32 @f() {\n ret i32 41\n}"
    with config.override(cache=True, cache_dir=str(tmp_path)):
        cache._recent.clear()
        start = stats()
        first = object_for(text, host())
        again = object_for(text, host())
        cache._recent.clear()  # as in a new process
        from_disk = object_for(text, host())
    assert first == again == from_disk
    assert stats() == replace(start, compiled=start.compiled + 1, memory=start.memory + 1, disk=start.disk + 1)


def test_the_cache_can_be_off(tmp_path):
    with config.override(cache=False, cache_dir=str(tmp_path)):
        cache._recent.clear()
        object_for("define i32 @f() {\n ret i32 42\n}", host())
    assert not list(tmp_path.iterdir())


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(cache, "_MEMORY_ENTRIES", 2)
    with config.override(cache=False):
        for number in range(4):
            object_for(f"define i32 @f() {{\n ret i32 {number}\n}}", host())
    assert len(cache._recent) == 2


def test_where_much_is_kept_each_directory_has_its_share(tmp_path, monkeypatch):
    disk = DiskCache(tmp_path, 64)
    keys = [f"ab{n:02x}" * 16 for n in range(8)]
    for age, key in enumerate(keys[:4]):
        disk.put(key, bytes(60_000))
        os.utime(disk._path(key), (1000 + age, 1000 + age))
    disk.put("cd" * 32, bytes(60_000))
    os.utime(disk._path("cd" * 32), (1, 1))
    looked = []
    scan = cache._files
    monkeypatch.setattr(cache, "_files", lambda shard: looked.append(os.path.basename(shard)) or scan(shard))
    another = DiskCache(tmp_path, 64)  # which finds out by itself what is there
    another.put(keys[4], bytes(60_000))
    left = [key for key in keys if disk._path(key).exists()]
    assert left == keys[2:5] and disk._path("cd" * 32).exists()
    assert set(looked) == {"ab"}
    looked.clear()
    another.put(keys[5], bytes(1000))
    assert not looked and another.get(keys[5]) is not None
