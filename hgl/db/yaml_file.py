"""YAML from anywhere, plain values of a bounded size or one error; and YAML that is read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hgl.errors import SourceError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The fast one where PyYAML was built with it; both know no tags but YAML's own."""
_NEXT_LINE = "\x85"
_BYTES = 64 << 20
_DEPTH = 100
_VALUES = 1_000_000
"""Most values, each counted as often as aliases repeat it: nine lines can stand for billions."""


class _Dumper(yaml.SafeDumper):
    """Quotes the line end that PyYAML writes bare and then reads as a blank."""

    def represent_text(self, text: str) -> yaml.Node:
        """Return the node of a text."""
        style = '"' if _NEXT_LINE in text else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)


def yaml_text(value: Any) -> str:
    """Return plain values as YAML, in their own order."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def read_yaml(file: Path, what: str = "file") -> Any:
    """Return what a YAML file holds.

    Args:
        what: the file is, for messages.

    Raises: SourceError: it cannot be read as YAML, or is larger than anything hgl writes.
    """
    where = f"{what} {str(file)!r}"
    try:
        if (size := file.stat().st_size) > _BYTES:
            raise SourceError(f"{where} has {size} bytes; expected at most {_BYTES}")
        text = file.read_text(encoding="utf-8")
        _check_depth(text, where)
        return _content(text, where)
    except OSError as error:
        raise SourceError(f"{where} cannot be read: {error.strerror}") from None
    except SourceError:
        raise
    except (ValueError, OverflowError, yaml.YAMLError) as error:
        raise SourceError(
            f"{where} cannot be read as YAML: {' '.join(str(error).split())}"
        ) from None


def _check_depth(text: str, where: str) -> None:
    """Look at the text's events, which need no stack, before nodes are made of them, which do."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEPTH:
            raise SourceError(f"{where} is nested more than {_DEPTH} levels deep")


def _content(text: str, where: str) -> Any:
    loader = _LOADER(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _check_size(root, where)  # before aliases and merges become values
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _check_size(root: yaml.Node, where: str) -> None:
    waiting, count = [root], 0
    while waiting:
        node = waiting.pop()
        count += 1
        if count > _VALUES:
            raise SourceError(
                f"{where} stands for more than {_VALUES} values; expected fewer, and no alias (*) "
                "that holds itself"
            )
        if isinstance(node, yaml.MappingNode):
            waiting += (each for pair in node.value for each in pair)
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
