"""What users hold and call: `Tensor`, and NumPy's names as compositions of primitives. Knows nothing of loops or machine code."""
