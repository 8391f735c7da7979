"""Passwords out of text that people or files will keep."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
# Greedy up to the last "@": a password may itself hold "@", ":" or "/", escaped or not.
_USERINFO = re.compile(r"(://[^:/@?#\s]*:)(?!\*\*\*@).+@", re.DOTALL)
_QUERY = re.compile(r"([?&;](?:\w*password|passwd|pwd|\w*token|\w*secret)=)[^&;\s]*", re.IGNORECASE)


def redact(text: str) -> str:
    """Return `text` with every password of a database URL in it replaced by `***`."""
    return _QUERY.sub(rf"\1{HIDDEN}", _USERINFO.sub(rf"\1{HIDDEN}@", text))


def redact_all(value: Any) -> Any:
    """Return nested mappings and lists with every text in them redacted."""
    if isinstance(value, Mapping):
        return {key: redact_all(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_all(item) for item in value]
    return redact(value) if isinstance(value, str) else value
