"""A process that judges programs, ended and replaced when one of them takes too long or takes it down."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from typing import Any

from tests.corpus.run import Verdict, judge, programs


class Worker:
    """A process that judges programs by name."""

    def __init__(self, timed: bool, few: bool = False):
        self.timed, self.few, self.process, self.pipe = timed, few, None, None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: Any) -> None:
        self._end()

    def judge(self, name: str, field: str, seconds: float, strict: bool = True) -> Verdict:
        if self.process is None:
            context = multiprocessing.get_context("spawn")
            self.pipe, theirs = context.Pipe()
            self.process = context.Process(target=serve, args=(theirs, self.timed, self.few), daemon=True)
            self.process.start()
            theirs.close()
            self.pipe.recv()  # it has started
        try:
            self.pipe.send((name, strict))
            if self.pipe.poll(seconds):
                return self.pipe.recv()
            problem = f"takes more than {seconds:.0f} s"
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self.process.join(5)
            problem = f"ends the process (code {self.process.exitcode})"
        self._end()
        return Verdict(name, field, [problem], problem)

    def _end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = self.pipe = None


def serve(pipe: Connection, timed: bool, few: bool) -> None:
    known = programs()
    pipe.send("ready")
    while True:
        name, strict = pipe.recv()
        pipe.send(judge(known[name], timed, strict, few))
