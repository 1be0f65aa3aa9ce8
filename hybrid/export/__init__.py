"""Graphs out of the process: `save` writes one file, `load` runs it where the code that traced it does not exist."""

from hybrid.export.saved import Saved, load, save

__all__ = ["Saved", "load", "save"]
