"""
How Sphinx builds the prose of C{docs/}; the API beside it is pydoctor's.

Both are made by C{make docs}, without a warning.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_ext")]

import txsocketio  # noqa: E402 - found by the line above

project = "txsocketio"
author = "The txsocketio developers"
copyright = "The txsocketio developers"  # noqa: A001 - Sphinx wants this name
version = release = txsocketio.__version__

extensions = [
    "sphinx_copybutton",  # code is there to be copied, without its prompts
    "api",  # links into pydoctor's pages
]

# A link to a word, file or section that is not there is a warning, and a
# warning is an error.
nitpicky = True

# Read by others: parts of pages, and the news fragments.
exclude_patterns = ["_build", "topics/performance/*.rst"]

# What is made beside the pages.
html_theme = "furo"
html_title = f"txsocketio {release}"
html_static_path = ["_static"]
html_css_files = ["house.css"]
html_show_sphinx = False
html_theme_options = {
    "navigation_with_keys": True,
    "top_of_page_buttons": [],
}

# ``emit`` is a name in code; the default role is not used.
default_role = None
highlight_language = "python"
pygments_style = "friendly"
pygments_dark_style = "native"

# The prompts are not part of what is copied.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Anchors within the reference client's pages move; the pages stay.
linkcheck_anchors = False
