"""Help as text: every key of a verb's configuration, its value and what it means."""

from __future__ import annotations

import ast
import re
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from hgl.commands.describe import Argument, describe

FLAGS = {
    "--help": "show this",
    "--cfg": "show the resolved configuration and stop",
    "--config-dir DIR": "a folder of configurations of your own, laid out like hgl's conf/",
    "-m, --multirun": "one run per combination of values: trainer.seed=0,1,2 model.channels=64,128",
    "--KEY": "KEY=true, for a key that is true or false: --strict",
    "debug=true": "show the traceback of an error (HYDRA_FULL_ERROR=1 does too)",
}
_ABOUT = {"experiment": "a set of overrides under one name; null for none."}
_OBJECT = re.compile(r"[A-Z]\w*( \| None)?")
"""The annotation of an argument that only code can give."""
_WIDEST_KEY = 34


def overview(verbs: Mapping[str, str]) -> str:
    """Return the help of `hgl` itself.

    Args:
        verbs: name to the dotted name of its function.
    """
    rows = {f"hgl {verb}": describe(target).summary for verb, target in verbs.items()}
    return "\n".join(
        [
            "hgl VERB key=value …: from a relational database to a relation-aware graph network",
            "",
            *_rows(rows),
            "",
            *_rows({"hgl VERB --help": "every key of a verb, and examples", "hgl --version": ""}),
        ]
    )


def manual(verb: str, config: Mapping[str, Any], options: Mapping[str, list[str]]) -> str:
    """Return the help of a verb.

    Args:
        config: the verb's configuration as it stands, overrides included.
        options: group to the names of its options.
    """
    described = describe(config["_target_"])
    plain = {
        f"{name}={_shown(config[name])}": argument.text
        for name, argument in described.arguments.items()
        if name in config and name not in options
    }
    lines = [f"hgl {verb} key=value …", "", described.summary, ""]
    lines += [f"  {example}" for example in described.examples]
    if plain:
        lines += ["", "keys", *_rows(plain)]
    for group, names in options.items():
        about = described.arguments[group].text if group in described.arguments else _ABOUT[group]
        lines += ["", f"{group}={'|'.join(names) or 'null'}: {about}"]
        if _is_target(config.get(group)):
            below = dict(_below(group, config[group]))
            lines += _rows(below) if below else []
    return "\n".join([*lines, "", "flags", *_rows(FLAGS)])


def _below(path: str, node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield `path.key=value` and its text for every argument that a user can give."""
    for name, argument in describe(node["_target_"]).arguments.items():
        if _is_target(node.get(name)):
            yield from _below(f"{path}.{name}", node[name])
        elif name in node or _is_option(argument):
            value = node[name] if name in node else _value(str(argument.default))
            yield f"{path}.{name}={_shown(value)}", argument.text


def _is_option(argument: Argument) -> bool:
    given = argument.default is not None
    return given and not (argument.default == "None" and _OBJECT.fullmatch(argument.annotation))


def _is_target(value: Any) -> bool:
    return isinstance(value, Mapping) and "_target_" in value


def _value(source: str) -> Any:
    """The value of a literal as written in Python; the text itself when it is no literal."""
    try:
        return ast.literal_eval(source)
    except ValueError:
        return source


def _shown(value: Any) -> str:
    """A value as it is typed on the command line."""
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_shown, value))}]"
    if isinstance(value, Mapping):
        return str(value.get("_target_", f"{{{','.join(value)}}}"))
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _rows(rows: Mapping[str, str]) -> list[str]:
    width = min(_WIDEST_KEY, max(map(len, rows)))
    room = max(30, shutil.get_terminal_size().columns - width - 5)
    lines = []
    for key, text in rows.items():
        first, *more = textwrap.wrap(re.sub(r"\bNone\b", "null", text), room) or [""]
        if len(key) > width:
            lines.append(f"  {key}")
            key = ""
        lines += [f"  {key:{width}}  {first}".rstrip(), *(" " * (width + 4) + m for m in more)]
    return lines
