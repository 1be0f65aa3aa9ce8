"""Control flow as functions: what converted Python code calls for its branches, loops and calls.

Where to look:

* What converted code means, and what it calls while it is traced: `plain`, `handlers`.
* Branches: `branch`, `join` (a variable after two ways), `perhaps`, `either`, `united`, `varying`, `parts`, `structure`.
* Loops: `rolling` (the ways to record one), `loop`, `rounds`, `renewal`, `guesses`, `attempt`; `folds`, `comprehensions`.
* Recursion: `recursion`. What a body may do to Python objects: `watch`, `effects`, `attributes`, `instances`.
* Containers that become storage: `own`; `lists`, `rows`, `queues`, `mapped`, `sets`, `keys`, `records`, `items`, `recast`,
  `arrays`, and dicts and sets in others: `inner`, `laid`, `shelves`; what is done with them: `algorithms`, `probing`,
  `ordering`, `containers`. The caller's, read at computed places: `tables`,
  `fixed`.
* What stands in for builtins and functions of libraries: `substitutes`, `iterables`, `written`.

The reasons are in docs/design/control.md.
"""
