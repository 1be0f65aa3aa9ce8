"""`match` as `if`: statements whose patterns only compare, which a handler can then decide.

    match x:                        if x == 1: f()
        case 1: f()                 elif x == 2 or x == 3: g()
        case 2 | 3: g()      ->     else:
        case y if p(y): h(y)            y = x
        case _: k()                     if p(y): h(y)
                                        else: k()

Values, `None`, `True` and `False`, names, alternatives of values, and tuples of these against a tuple that is written out.
Patterns that look at classes, or at what a sequence or mapping holds, stay Python's.
"""

from __future__ import annotations

import ast

from hybrid.staging.exits import PREFIX, SCOPES, assign, blocks, load


class _Unknown(Exception):
    """A pattern does more than compare."""


def without_matches(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements with every `match` that only compares written as `if`; nested functions are left alone."""
    return _Cases().block(body)


class _Cases:
    def __init__(self) -> None:
        self.count = 0

    def block(self, stmts: list[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for node in stmts:
            if isinstance(node, SCOPES):
                out.append(node)
                continue
            for inner in blocks(node):
                inner[:] = self.block(inner)
            try:
                out += self.match(node) if isinstance(node, ast.Match) else [node]
            except _Unknown:
                out.append(node)
        return out

    def match(self, node: ast.Match) -> list[ast.stmt]:
        parts = node.subject.elts if isinstance(node.subject, ast.Tuple) else [node.subject]
        if any(isinstance(part, ast.Starred) for part in parts):
            raise _Unknown
        subjects: list[str] = []
        made: list[ast.stmt] = []
        for part in parts:
            self.count += 1
            subjects.append(f"{PREFIX}subject_{self.count}")
            made.append(assign(subjects[-1], part, node))
        whole = isinstance(node.subject, ast.Tuple)
        rest: list[ast.stmt] = []
        for case in reversed(node.cases):
            rest = self.case(case, subjects, whole, rest)
        return [*made, *rest]

    def case(self, case: ast.match_case, subjects: list[str], whole: bool, rest: list[ast.stmt]) -> list[ast.stmt]:
        tests: list[ast.expr] = []
        binds: list[ast.stmt] = []
        if not whole:
            self.pattern(case.pattern, subjects[0], tests, binds)
        elif isinstance(case.pattern, ast.MatchSequence) and len(case.pattern.patterns) == len(subjects):
            for pattern, subject in zip(case.pattern.patterns, subjects):
                self.pattern(pattern, subject, tests, binds)
        elif not _is_wildcard(case.pattern):
            raise _Unknown
        at = case.pattern
        body = [*binds, *case.body]
        if case.guard is not None:
            if tests and binds:
                raise _Unknown  # names stay bound where the guard says no
            if not tests:
                return [*binds, ast.copy_location(ast.If(case.guard, case.body, rest), at)]
            tests = [*tests, case.guard]
        if not tests:
            return body
        test = tests[0] if len(tests) == 1 else ast.copy_location(ast.BoolOp(ast.And(), tests), at)
        return [ast.copy_location(ast.If(test, body, rest), at)]

    def pattern(self, pattern: ast.pattern, subject: str, tests: list[ast.expr], binds: list[ast.stmt]) -> None:
        """What must hold, and what is bound then."""
        if _is_wildcard(pattern):
            return
        if isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
            assert pattern.name is not None
            binds.append(assign(pattern.name, ast.copy_location(load(subject), pattern), pattern))
            return
        tests.append(self.compared(pattern, subject))

    def compared(self, pattern: ast.pattern, subject: str) -> ast.expr:
        if isinstance(pattern, ast.MatchOr):
            parts = [self.compared(part, subject) for part in pattern.patterns]
            return ast.copy_location(ast.BoolOp(ast.Or(), parts), pattern)
        given = ast.copy_location(load(subject), pattern)
        if isinstance(pattern, ast.MatchValue):
            return ast.copy_location(ast.Compare(given, [ast.Eq()], [pattern.value]), pattern)
        if isinstance(pattern, ast.MatchSingleton):
            known = ast.copy_location(ast.Constant(pattern.value), pattern)
            return ast.copy_location(ast.Compare(given, [ast.Is()], [known]), pattern)
        raise _Unknown


def _is_wildcard(pattern: ast.pattern) -> bool:
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None and pattern.name is None
