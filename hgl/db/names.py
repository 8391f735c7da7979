"""Table and column names as words: camelCase, snake_case, glued, plural, abbreviated."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from hgl.db.infer_words import (
    CODES,
    GLUE,
    IDENTIFIERS,
    LINKS,
    NOT_GLUED,
    PERSON_ACTS,
    PERSON_ROLES,
    PREFIXES,
    SELF,
    SUFFIXES,
)

_IRREGULAR = {
    "people": "person",
    "children": "child",
    "men": "man",
    "women": "woman",
    "indices": "index",
    "data": "datum",
    "criteria": "criterion",
    "movies": "movie",
    "series": "series",
    "species": "species",
    "news": "news",
}
_ENDINGS = ("ing", "ment", "ion", "ers", "er", "or", "ed", "ee", "e", "y", "i")
_SHORTEST = 3
"""Letters a word must share before it counts as an abbreviation or a common stem."""


@dataclass(frozen=True)
class Name:
    """A name taken apart.

    Attributes:
        text: as written.
        words: all its words, singular, lower case, digits left out.
        entity: what it names: the words before the identifier (after it, where it comes first).
        role: words after an identifier in the middle, as in `teamIDwinner`.
        mark: the word that makes it a reference (`id`, `code`, `by`, ...), or "".
    """

    text: str
    words: tuple[str, ...]
    entity: tuple[str, ...]
    role: tuple[str, ...] = ()
    mark: str = ""

    @property
    def identifies(self) -> bool:
        """Whether the name says outright that the column identifies something."""
        return self.mark in IDENTIFIERS

    @cached_property
    def head(self) -> str:
        """The word that says what the entity is: the last one."""
        return self.entity[-1] if self.entity else ""


def parse(text: str, vocabulary: Collection[str] = frozenset()) -> Name:
    """Return `text` as a `Name`.

    Args:
        vocabulary: words that glued names are split into, from `vocabulary_of`.
    """
    found = [
        part for word in split(text) for part in _unglued(word, vocabulary) if not part.isdigit()
    ]
    words = tuple(singular(w) for w in found)
    words = words[1:] if len(words) > 1 and words[0] in ("fk", "pk") else words
    marks = [i for i, w in enumerate(words) if w in IDENTIFIERS]
    if marks and marks[-1] > 0:
        at = marks[-1]
        linked = at - 1 if at > 1 and words[at - 1] in LINKS else at
        return Name(text, words, words[:linked], words[at + 1 :], words[at])
    if marks:
        return Name(text, words, words[1:], (), words[0])
    if words and (words[-1] in CODES or (words[-1] in LINKS and len(words) > 1)):
        return Name(text, words, words[:-1], (), words[-1])
    return Name(text, words, words)


def parse_tables(tables: Collection[str], vocabulary: Collection[str]) -> dict[str, Name]:
    """Return table names taken apart, without a first word that all share or that says nothing."""
    names = {t: parse(t, vocabulary) for t in tables}
    firsts = {n.words[:1] for n in names.values()}
    plain = PREFIXES | ({w for first in firsts for w in first} if len(firsts) == 1 else set())
    return {t: dataclasses.replace(n, entity=_bare(n.entity, plain)) for t, n in names.items()}


def _bare(words: tuple[str, ...], prefixes: Collection[str]) -> tuple[str, ...]:
    if len(words) > 1 and words[0] in prefixes:
        words = words[1:]
    return words[:-1] if len(words) > 1 and words[-1] in SUFFIXES else words


def vocabulary_of(tables: Iterable[str], columns: Iterable[str] = ()) -> frozenset[str]:
    """Return the words that names may be glued from: of tables, and of what columns identify."""
    words = {w for table in tables for w in split(table)}
    words |= {w for name in map(parse, columns) if name.identifies for w in name.entity}
    words = {w for w in words if len(w) >= _SHORTEST}
    return frozenset(words | {singular(w) for w in words})


def split(text: str) -> list[str]:
    """Return the words of `text`, lower case: `OrderID` gives order, id."""
    text = re.sub(r"(?<=[a-z])ID|(?<![A-Za-z])ID(?=[a-z])", "_ID_", text)
    words, word = [], ""
    for i, letter in enumerate(text):
        before, after = text[i - 1 : i], text[i + 1 : i + 2]
        starts = letter.isupper() and before.isalpha() and (not before.isupper() or after.islower())
        if word and (starts or not letter.isalnum() or letter.isdigit() != before.isdigit()):
            words.append(word)
            word = ""
        if letter.isalnum():
            word += letter.lower()
    return [*words, word] if word else words


@lru_cache(maxsize=65536)
def singular(word: str) -> str:
    """Return an English plural's singular; any other word as it is."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= _SHORTEST or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "ches", "shes", "xes", "zes", "uses")):
        return word[:-2]
    return word[:-1]


def likeness(reference: tuple[str, ...], entity: tuple[str, ...]) -> float:
    """Return how well the words of a reference name an entity, 0 to 1.

    1: the same words; 0.9: more words before them, a role (`owner user` names user); 0.85: their
    end (`user` names auth user); less where words are abbreviated or only share a stem.
    """
    if not reference or not entity:
        return 0.0
    shared = min(len(reference), len(entity))
    alike = min(word_likeness(a, b) for a, b in zip(reference[-shared:], entity[-shared:]))
    if len(reference) > shared:
        return 0.9 * alike
    return alike if len(entity) == shared else 0.85 * alike


@lru_cache(maxsize=65536)
def word_likeness(a: str, b: str) -> float:
    """Return 1 for the same word, 0.8 for its start, 0.75 for its end, short form or stem."""
    if a == b:
        return 1.0
    short, long = sorted((a, b), key=len)
    if len(short) < _SHORTEST:
        return 0.0
    if long.startswith(short):
        return 0.8
    if long.endswith(short) and len(short) > _SHORTEST:
        return 0.75
    return 0.75 if _abbreviates(short, long) or _stem(a) == _stem(b) else 0.0


def _abbreviates(short: str, long: str) -> bool:
    """Whether `short` is `long` with letters left out, vowels before all: dept, mgr, acct."""
    rest = iter(long)
    consonants = sum(letter not in "aeiou" for letter in short)
    return short[0] == long[0] and consonants >= _SHORTEST and all(c in rest for c in short)


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    """Word without an ending and the doubled letter before it: `shipper`, `shipping` give ship."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            bare = word[: -len(ending)].rstrip("y")
            return bare[:-1] if len(bare) > _SHORTEST and bare[-1] == bare[-2] else bare
    return word


def _unglued(word: str, vocabulary: Collection[str]) -> list[str]:
    """Return the words `word` is glued from, itself if none: `customerid` gives customer, id."""
    found = _cut(word, frozenset(vocabulary) - {word, singular(word)})
    if found:
        return found
    for mark in ("id", "key"):
        if word.endswith(mark) and word not in NOT_GLUED and len(word) >= len(mark) + _SHORTEST:
            return [word[: -len(mark)], mark]
    for link in LINKS:
        bare = word.removesuffix(link)
        if bare != word and _is_linkable(bare, vocabulary):
            return [bare, link]
    return [word]


def _is_linkable(word: str, vocabulary: Collection[str]) -> bool:
    """Whether `by`, `to` or `via` may follow: a role, an act or the stem of a table's word."""
    if {word, singular(word)} & (SELF | PERSON_ROLES | PERSON_ACTS):
        return True
    return len(word) >= _SHORTEST and any(_stem(word) == _stem(known) for known in vocabulary)


def _cut(word: str, vocabulary: frozenset[str]) -> list[str] | None:
    """Return the fewest words of the vocabulary, marks and common words that make up `word`."""
    best: list[list[str] | None] = [[]] + [None] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(end):
            head, piece = best[start], word[start:end]
            if head is None or not _is_piece(piece, start, vocabulary):
                continue
            if best[end] is None or len(head) + 1 < len(best[end] or []):
                best[end] = [*head, piece]
    return best[-1]


def _is_piece(piece: str, start: int, vocabulary: frozenset[str]) -> bool:
    if start and piece in IDENTIFIERS | CODES | {"at"}:
        return True
    known = {piece, singular(piece)}
    return len(piece) >= _SHORTEST and bool(known & vocabulary or known & GLUE)
