"""From graph to graph: simplification, fusion into groups, the memory plan. Knows nothing of loops or machine code."""
