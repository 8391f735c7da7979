"""The documentation site: `sphinx-build -W -b html docs build/site`; needs no network."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "extensions")]

import hgl  # noqa: E402

project = "hgl"
author = "the hgl developers"
version = release = hgl.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "inline_sections",  # before napoleon, which reads only sections below their title
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "manuals",
    "notebook_pages",
    "whole_packages",
]
exclude_patterns = ["extensions", "_build"]
templates_path: list[str] = []

html_theme = "furo"
html_title = f"hgl {release}"
html_show_copyright = False
# Files of the site only: nothing is fetched when a page is read.
html_theme_options = {"navigation_with_keys": True}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# A single backtick in a docstring is code, as in Markdown.
default_role = "code"
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

README_PARTS = {
    "#numbers": "/explanation/results.md",
    "#how-it-works": "/explanation/how_it_works.md",
    "": "/index.md",
}

notebook_folder = str(HERE.parent / "notebooks")


def readme_links(app: Sphinx, docname: str, source: list[str]) -> None:
    """Links to the README, which is no page here, lead to the page that includes the part."""
    for part, page in README_PARTS.items():
        for prefix in ("../", "../../"):
            source[0] = source[0].replace(f"]({prefix}README.md{part})", f"]({page})")


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("source-read", readme_links)
