"""From a Python call to compiled code: what a trace depends on, the native entry that checks it, and the decorator."""
