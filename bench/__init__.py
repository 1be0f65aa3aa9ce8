"""hybrid beside its peers, one file per question. `python -m bench` runs them all and writes docs/benchmarks.md."""
