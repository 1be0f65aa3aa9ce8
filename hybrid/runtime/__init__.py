"""Running machine code: compiling and loading it, keeping it on disk, threads, and the BLAS. Knows nothing of graphs."""
