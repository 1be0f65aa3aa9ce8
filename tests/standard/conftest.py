"""The suite's second namespace changes the class of all tensors when it is imported: not while other tests run."""

collect_ignore = ["compiled.py"]
