"""Transforms of graphs: derivatives forward and backward, batches; and how eager values go through them."""
