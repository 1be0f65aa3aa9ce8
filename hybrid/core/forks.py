"""Locks that nobody holds while a process forks: a child has only the thread that forked, and would wait for ever."""

from __future__ import annotations

import os
from typing import Any


def free_in_child(lock: Any) -> None:
    """Let a fork wait for whoever holds the lock."""
    held: list[Any] = []  # empty where a fork was under way already when this was said

    def before() -> None:
        lock.acquire()
        held.append(lock)

    def after() -> None:
        if held:
            held.pop().release()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=before, after_in_parent=after, after_in_child=after)
