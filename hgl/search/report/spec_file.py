"""A graph model as an option of the configuration group `graph`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from hgl.errors import ConfigError
from hgl.search.model import GraphModel

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def spec_file(model: GraphModel, note: str = "") -> str:
    """Return the text of `graph/<name>.yaml`: what `hgl train graph=<name>` draws.

    Args:
        note: a line of comment at the top.
    Raises: SchemaError: the model is cut off from its task.
    """
    spec = model.to_spec()
    listed: dict[str, Sequence[str | Sequence[str]]] = {
        "without_tables": spec.without_tables,
        "without_fkeys": spec.without_fkeys,
        "edge_tables": spec.edge_tables,
    }
    lines = [f"# {' '.join(note.split())}"] if note else []
    lines.append("_target_: hgl.graph.spec.GraphSpec")
    for key, items in listed.items():
        if items:
            lines += [f"{key}:", *(f"- {_literal(item)}" for item in items)]
    return "\n".join(lines) + "\n"


def check_name(name: str) -> None:
    """Check the name of an option. Raises: ConfigError: the command line cannot say it."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f"name={name!r}: expected a letter, then letters, digits, _ or -")


def _literal(names: str | Sequence[str]) -> str:
    """Names in quotes, in which neither YAML nor OmegaConf sees anything of its own."""
    text = json.dumps(names, ensure_ascii=False)
    return re.sub(r"((?:\\\\)*)\$\{", r"\1\1\\\\${", text)
