"""The ground floor: settings, dtypes, shapes, pytrees and errors. Knows nothing of graphs or code."""
