"""Control flow as functions: what converted Python code calls for its branches, loops and calls."""
