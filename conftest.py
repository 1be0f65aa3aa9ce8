"""What is not collected: modules for libraries that are not installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("einops") else ["hybrid/einops.py"]
