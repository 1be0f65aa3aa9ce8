"""Control flow as functions: what converted Python code calls for its branches, loops and calls.

Where to look:

* What converted code means, and what it calls while it is traced: `plain`, `handlers`.
* Branches: `branch`, `join` (what a variable is after two ways), `perhaps`, `either`, `united`, `varying`, `parts`, `structure`.
* Loops: `rolling` (the ways to record one), `loop`, `rounds`, `renewal`, `guesses`, `attempt`; `folds`, `comprehensions`.
* Recursion: `recursion`. What a body may do to Python objects: `watch`, `effects`, `attributes`, `instances`.
* Containers that become storage: `own`, then `lists`, `rows`, `queues`, `mapped` with `keys`, `records`, `items`, `recast`, `arrays`;
  what is done with them: `algorithms`, `ordering`, `containers`. Those of the caller's, read at computed places: `tables`, `fixed`.
* What stands in for builtins and functions of libraries: `substitutes`, `written`.

The reasons are in docs/design/control.md.
"""
