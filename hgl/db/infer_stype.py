"""A column's semantic type from its SQL type, then its name and the shape of its values."""

from __future__ import annotations

from dataclasses import dataclass

from hgl.db.infer_profile import Profile
from hgl.db.infer_time import EPOCHS
from hgl.db.infer_words import (
    CATEGORIES,
    CODES,
    MEASURES,
    NUMBERS,
    RECORDED,
    SEQUENCES,
    TIMES,
    YEARS,
)
from hgl.db.names import Name
from hgl.typing import Stype

MOST_CODES = 1000
"""Distinct numbers beyond which a code is taken for an identifier."""
MOST_CATEGORIES = 4096
"""Distinct strings beyond which text is no category."""
FEW = 50
"""Strings that are categories even where few of them repeat."""
REPEATS = 5.0
"""Rows per distinct string from which more than a few are categories."""
_LONG = 50
_ALMOST = 0.95
_BOOLEANS = ({"t", "f"}, {"true", "false"}, {"y", "n"}, {"yes", "no"}, {"0", "1"})


@dataclass(frozen=True)
class Verdict:
    """A semantic type, how sure it is (0 to 1), and why."""

    stype: Stype
    score: float
    reason: str


def judge(column: Profile, name: Name) -> Verdict:
    """Return the semantic type of a column that is no key."""
    if column.family == "other":
        return Verdict("ignored", 1.0, f"{column.kind} cannot be read as content")
    if not column.filled:
        return Verdict("ignored", 1.0, "has no values")
    if column.distinct <= 1 and (column.filled == column.rows or column.filled < REPEATS):
        return Verdict("ignored", 1.0, f"is never but {str(column.least)[:40]!r}")
    verdict = _JUDGES[column.family](column, name)
    if column.null_words:
        note = f"text that stands for null in {column.null_words:,} rows"
        return Verdict(verdict.stype, verdict.score, f"{verdict.reason}; {note}")
    return verdict


def _boolean(column: Profile, name: Name) -> Verdict:
    return Verdict("boolean", 1.0, "stored as BOOLEAN")


def _instant(column: Profile, name: Name) -> Verdict:
    return Verdict("timestamp", 1.0, f"stored as {column.kind}")


def _float(column: Profile, name: Name) -> Verdict:
    return Verdict("numerical", 1.0, f"stored as {column.kind}")


def _int(column: Profile, name: Name) -> Verdict:
    least, greatest = float(column.least), float(column.greatest)
    if (least, greatest) == (0.0, 1.0):
        return Verdict("boolean", 0.9, "only 0 and 1")
    if {*name.words} & (TIMES | RECORDED) and any(a <= least <= greatest <= b for a, b in EPOCHS):
        return Verdict("ignored", 0.8, "counts time from 1970; a timestamp column would be read")
    if not _is_coded(name):
        return Verdict("numerical", 0.9, f"{column.distinct:,} distinct whole numbers")
    if column.distinct <= MOST_CODES and column.filled >= REPEATS * column.distinct:
        return Verdict("categorical", 0.8, f"{column.distinct:,} codes, by its name")
    if name.identifies:
        return Verdict(
            "ignored", 0.8, f"an identifier with {column.distinct:,} values, by its name"
        )
    return Verdict("numerical", 0.5, f"{column.distinct:,} distinct whole numbers, though codes")


def _is_coded(name: Name) -> bool:
    """Whether a name says that numbers stand for something: `status_id`, `product_type_no`."""
    if name.head in YEARS | TIMES:
        return False
    numbered = name.mark in NUMBERS and (not name.entity or name.head in SEQUENCES)
    return name.identifies or bool({*name.words[-1:]} & (CATEGORIES | CODES) and not numbered)


def _text(column: Profile, name: Name) -> Verdict:
    shape = column.shape
    if column.kind.startswith("ENUM"):
        return Verdict("categorical", 1.0, "stored as ENUM")
    if column.kind == "UUID":
        return Verdict("ignored", 1.0, "identifiers stored as UUID")
    if shape.instants > _ALMOST and column.distinct > 1:
        return Verdict("timestamp", 0.9, "text that reads as instants")
    ends = {str(column.least).lower(), str(column.greatest).lower()}
    if column.distinct == 2 and ends in _BOOLEANS:
        return Verdict("boolean", 0.9, f"only {column.least!r} and {column.greatest!r}")
    if shape.numbers > _ALMOST and not _is_coded(name):
        return Verdict("numerical", 0.8, "text that reads as numbers")
    return _words(column, name)


def _words(column: Profile, name: Name) -> Verdict:
    """Tell categories, identifiers and prose apart."""
    shape, repeats = column.shape, column.filled / column.distinct
    many = f"{column.distinct:,} distinct strings in {column.filled:,}"
    if shape.length > _LONG and shape.words > 3:
        return Verdict("text", 0.9, f"long: {shape.length:.0f} characters")
    if column.distinct <= MOST_CATEGORIES and repeats >= REPEATS:
        return Verdict("categorical", 0.9, many)
    if shape.tokens > _ALMOST:
        return Verdict("ignored", 0.8, "addresses, hashes, numbers or paths that point elsewhere")
    if column.distinct <= FEW and repeats >= 2:
        return Verdict("categorical", 0.7, many)
    known = name.words and name.words[-1] in MEASURES
    if repeats < 2 and shape.words < 1.5 and not known and (name.identifies or name.mark in CODES):
        return Verdict("ignored", 0.7, f"an identifier by its name, {many}")
    return Verdict("text", 0.7, many)


_JUDGES = {
    "boolean": _boolean,
    "instant": _instant,
    "int": _int,
    "float": _float,
    "text": _text,
}
