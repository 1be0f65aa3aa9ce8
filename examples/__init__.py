"""Real programs in plain NumPy, run as they stand and decorated. `python -m examples.demo` runs them all."""
