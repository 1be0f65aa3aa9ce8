"""From loop nests to code: readable Numba source (`python`), LLVM IR (`llvm`), and the mathematics both share (`mathlib`)."""
