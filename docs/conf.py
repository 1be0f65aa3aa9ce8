"""Sphinx settings: MyST Markdown, the furo theme, no API of ours imported while building."""

project = "hybrid"
author = "The hybrid authors"
copyright = "The hybrid authors"
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "hybrid"
exclude_patterns = ["_build"]
nitpicky = True
