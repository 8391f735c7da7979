"""The command `hgl VERB key=value …`; the only importer of Hydra.

A verb picks a primary configuration in `hgl.conf`, and Hydra composes it with the overrides. Keys
whose values are text (a database URL, a path, a time) never reach Hydra: its grammar would read
into them, and its errors would repeat them.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_module
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

import hgl
from hgl.commands import help as helping
from hgl.commands.describe import describe
from hgl.commands.target import build, check_name, completed
from hgl.db.redact import redact, redact_all
from hgl.errors import ConfigError, HglError

VERBS = {
    verb: f"hgl.commands.{verb}.{verb}"
    for verb in (
        *("ingest", "train", "search", "evaluate", "predict"),
        *("distill", "export", "serve", "doctor"),
        *("bench", "reproduce", "report", "audit"),
    )
}
_POSITIONAL = {"reproduce": "id"}
"""Verbs whose one bare word stands for a key."""
_TEXT = ("str", "str | None")
_STOPPED = "Query interrupted"
"""What DuckDB raises, as a RuntimeError, where Ctrl-C met it."""
_MARKED = re.compile(r"(\n[^\n]*\n[ \t]*\^+)\s*$")
"""The end of a message whose last line is a mark under the one before."""
_COMPOSING = (HydraException, OmegaConfBaseException, ValueError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `hgl`; those of this process by default.
    Returns: exit code: 0 or what the verb says, 2 for an `HglError`, 1 for anything unexpected, 130
        after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    # torch reads this with its first tensor: large ones then lie on huge pages, which cost a step
    # fewer page faults and a process some 0.1 GB less.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    debug = "debug=true" in words or os.environ.get("HYDRA_FULL_ERROR") == "1"
    try:
        return _run(_parse([word for word in words if word != "debug=true"]))
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except HglError as error:
        if debug:
            raise
        return _complain(f"error: {error}", 2)
    except Exception as error:
        if debug:
            raise
        if _STOPPED in str(error):
            return _complain("interrupted", 130)
        shown = f"error: unexpected {type(error).__name__}: {error} (debug=true shows where)"
        return _complain(shown, 1)


def _complain(text: str, code: int) -> int:
    """Print one line, and below it the line that a message marks, as the mark needs it."""
    head, marked = [*_MARKED.split(text, maxsplit=1), ""][:2]
    print(redact(" ".join(head.split()) + marked), file=sys.stderr)
    return code


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("hgl", add_help=False, allow_abbrev=False)
    parser.add_argument("verb", nargs="?")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--version", action="version", version=f"hgl {hgl.__version__}")
    parser.add_argument("--cfg", action="store_true")
    parser.add_argument("--config-dir", type=Path)
    parser.add_argument("-m", "--multirun", action="store_true")
    asked, flags = parser.parse_known_intermixed_args(words)
    if flags and asked.verb is None:
        parser.error(f"unrecognized arguments: {' '.join(flags)}")
    asked.overrides += flags
    return asked


def _run(asked: argparse.Namespace) -> int:
    """Do what is asked; return the exit code."""
    if asked.verb is None:
        print(helping.overview(VERBS))
        return 0
    check_name(f"verb {asked.verb!r}", asked.verb, list(VERBS))
    texts, overrides = _split(asked.verb, _named(asked.verb, asked.overrides))
    with initialize_config_module("hgl.conf", version_base="1.3"):
        groups = _groups(asked.verb, asked.config_dir)
        jobs = _jobs(overrides) if asked.multirun else [overrides]
        configs = [_compose(asked, job, groups) | texts for job in jobs]
    if asked.help:
        print(helping.manual(asked.verb, redact_all(configs[0]), groups))
        return 0
    codes = []
    for number, config in enumerate(configs):
        if len(configs) > 1 and config.get("out"):
            config["out"] = str(Path(config["out"]) / str(number))
        codes.append(_execute(config, only_show=asked.cfg))
    return max(codes)


def _execute(config: dict[str, Any], *, only_show: bool) -> int:
    """Call the verb's function with its configuration, or show that; return the exit code."""
    arguments = describe(config["_target_"]).arguments
    for name, argument in arguments.items():
        if name != "config" and config.get(name, "???") == "???":
            raise ConfigError(f"{name} is missing: expected {name}=<{argument.text}>")
    config = completed(config | {"_partial_": True})
    kept = {key: value for key, value in redact_all(config).items() if key != "_partial_"}
    if only_show:
        print(yaml.safe_dump(kept, sort_keys=False, allow_unicode=True), end="")
        return 0
    call = build(config)
    return call(**({"config": kept} if "config" in arguments else {})) or 0


def _named(verb: str, words: Sequence[str]) -> list[str]:
    """Give a bare word the key that it stands for, where a verb has such, and a flag its value."""
    key = _POSITIONAL.get(verb)
    known = describe(VERBS[verb]).arguments.items()
    flags = {f"--{name}": f"{name}=true" for name, a in known if a.annotation == "bool"}
    return [f"{key}={word}" if key and word.isalnum() else flags.get(word, word) for word in words]


def _split(verb: str, overrides: Sequence[str]) -> tuple[dict[str, str | None], list[str]]:
    """Take the keys whose values are text out of the overrides."""
    texts: dict[str, str | None] = {}
    others = []
    known = describe(VERBS[verb]).arguments
    for override in overrides:
        key, equals, value = override.partition("=")
        argument = known.get(key.lstrip("+"))
        if not (equals and argument and argument.annotation in _TEXT):
            others.append(override)
        elif value == "null" and argument.annotation != "str":
            texts[key.lstrip("+")] = None
        else:
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            texts[key.lstrip("+")] = value[1:-1] if quoted else value
    return texts, others


def _jobs(overrides: Sequence[str]) -> list[list[str]]:
    """One list of overrides per combination of the values to sweep over."""
    for override in overrides:
        _check_grammar(override)
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return BasicSweeper.split_arguments(parsed, None)[0]


def _groups(verb: str, folder: Path | None) -> dict[str, list[str]]:
    """Configuration groups of a verb and their options, those in the user's folder included."""
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"--config-dir {folder}: expected a folder")
    loader = GlobalHydra.instance().config_loader()
    present = loader.list_groups("")
    groups = [
        name
        for name, argument in describe(VERBS[verb]).arguments.items()
        if name in present and argument.annotation not in _TEXT
    ]
    return {
        group: sorted({*loader.get_group_options(group), *_own(folder, group)})
        for group in [*groups, *(["experiment"] if groups else [])]
    }


def _own(folder: Path | None, group: str) -> list[str]:
    return [] if folder is None else [file.stem for file in folder.glob(f"{group}/*.yaml")]


def _compose(
    asked: argparse.Namespace, overrides: Sequence[str], groups: dict[str, list[str]]
) -> dict[str, Any]:
    """Compose the configuration of a verb. Raises: ConfigError: an override is not usable."""
    known = (describe(VERBS[asked.verb]).arguments.keys() | groups.keys()) - {"config"}
    for override in overrides:
        _check_grammar(override)
        key = override.partition("=")[0]
        if key.isidentifier():
            check_name(key, key, sorted(known))
        if key in groups and key != "experiment" and override == f"{key}=null":
            raise ConfigError(f"{override!r}: expected one of {', '.join(groups[key])}")
    given = [_lenient(override) for override in overrides]
    if asked.config_dir is not None:
        folder = str(asked.config_dir.absolute()).replace("'", r"\'")
        given.append(f"hydra.searchpath=['file://{folder}']")
    try:
        composed = OmegaConf.to_container(compose(asked.verb, given), resolve=True)
    except _COMPOSING as error:
        raise ConfigError(str(error).split("Config search path")[0]) from error
    found = {str(key): value for key, value in composed.items()}  # type: ignore[union-attr]
    if foreign := sorted(found.keys() - known - {"_target_", "_partial_"}):
        chosen = [override for override in overrides if override.partition("=")[0] in groups]
        raise ConfigError(
            f"{' '.join(chosen)}: sets {', '.join(foreign)}, which hgl {asked.verb} does not have; "
            "expected an option made for it"
        )
    return found


def _check_grammar(override: str) -> None:
    if not override.lstrip("+~")[:1].isidentifier():
        raise ConfigError(f"{override!r}: expected key=value")
    try:
        OverridesParser.create().parse_override(override)
    except HydraException as error:
        reason = str(error).split("See https")[0]
        raise ConfigError(f"{override!r}: expected key=value; {reason}") from error


def _lenient(override: str) -> str:
    """Let `trainer.lr=1` set a key that only the signature knows; `completed` checks it later."""
    key = override.partition("=")[0]
    inner = "." in key and not key.startswith(("+", "~", "hydra."))
    return f"++{override}" if inner else override
