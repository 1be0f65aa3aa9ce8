"""The loop language between graphs and machine code: its grammar (`nest`), lowering from graphs, scheduling and checking."""
