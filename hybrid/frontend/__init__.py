"""What users hold and call: `Tensor`, and NumPy's names as compositions of primitives. Knows no loops and no machine code."""
