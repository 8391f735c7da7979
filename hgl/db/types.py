"""How DuckDB types are stored: what keeps its type, what becomes simpler, what is left out."""

from __future__ import annotations

import re

from hgl.db.duck import identifier

_AS_TEXT = ("UUID", "ENUM", "INTERVAL", "TIME", "BIT", "JSON", "STRUCT", "MAP", "UNION", "VARIANT")
_TOO_WIDE = ("HUGEINT", "UHUGEINT", "BIGNUM")
_INT64_DIGITS = 18


def stored(column: str, kind: str, alias: str) -> str | None:
    """Return the SQL expression that stores `alias.column` of DuckDB type `kind`; None: left out.

    Instants with a zone become naive UTC ones, infinite ones null; decimals become int64 where
    they are whole and fit, else float64; times of day, lists and other rare types become text.
    """
    name = f"{alias}.{identifier(column)}"
    if kind == "BLOB" or kind.startswith("GEOMETRY"):
        return None
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"(CASE WHEN isfinite({name}) THEN {name} END AT TIME ZONE 'UTC')"
    if kind.startswith(("TIMESTAMP", "DATE")):
        return f"CASE WHEN isfinite({name}) THEN {name} END"
    if decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind):
        width, scale = map(int, decimal.groups())
        return f"{name}::{'BIGINT' if scale == 0 and width <= _INT64_DIGITS else 'DOUBLE'}"
    if kind in _TOO_WIDE:
        return f"{name}::DOUBLE"
    if kind.startswith(_AS_TEXT) or kind.endswith("]"):
        return f"{name}::VARCHAR"
    return "NULL::VARCHAR" if kind.strip('"') == "NULL" else name


def is_instant(kind: str) -> bool:
    """Whether a DuckDB type is a date or a timestamp."""
    return kind.startswith(("TIMESTAMP", "DATE"))


def is_number(kind: str) -> bool:
    """Whether a DuckDB type compares with numbers."""
    return ("INT" in kind and kind != "INTERVAL") or kind.startswith(("DOUBLE", "FLOAT", "DECIMAL"))
