"""Tables and code in Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd


def table(frame: pd.DataFrame, columns: Mapping[str, str]) -> str:
    """Return some columns of a frame as a Markdown table.

    Args:
        columns: name in the frame to heading.
    """
    rows = [list(columns.values()), ["-"] * len(columns)]
    rows += frame[list(columns)].astype(object).to_numpy().tolist()
    return "\n".join(f"| {' | '.join(_cell(value) for value in row)} |" for row in rows)


def fenced(text: str, language: str) -> str:
    """Return text as a block of code."""
    return f"```{language}\n{text}\n```"


def _cell(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return "–"
    text = f"{value:.4f}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", r"\|").split()) or "–"
