"""The directive `manuals`: what `hgl` and every `hgl VERB --help` print, from the code itself."""

from __future__ import annotations

import contextlib
import io
import os
from typing import Any
from unittest.mock import patch

from docutils import nodes
from docutils.parsers.rst import Directive

from hgl.cli import VERBS, main


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("manuals", Manuals)
    return {"parallel_read_safe": True}


class Manuals(Directive):
    """A section per verb."""

    def run(self) -> list[nodes.Node]:
        """See docutils."""
        return [_printed([]), *(self._section(verb) for verb in VERBS)]

    def _section(self, verb: str) -> nodes.section:
        section = nodes.section(ids=[f"hgl-{verb}"], names=[f"hgl {verb}"])
        section += nodes.title(text=f"hgl {verb}")
        section += _printed([verb, "--help"])
        self.state.document.note_implicit_target(section, section)
        return section


def _printed(words: list[str]) -> nodes.literal_block:
    printed = io.StringIO()
    with patch.dict(os.environ, {"COLUMNS": "90"}), contextlib.redirect_stdout(printed):
        if main(words):
            raise RuntimeError(f"hgl {' '.join(words)} failed")
    text = printed.getvalue().strip()
    return nodes.literal_block(text, text, language="text")
