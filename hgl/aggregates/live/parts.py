"""The parts of a seed's statement: aggregates over the same rows, and what names those rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hgl.aggregates.feature import OF_TIME, Anchor, Feature, Source
from hgl.aggregates.live.clock import clock_of, equal
from hgl.aggregates.live.place import Place
from hgl.aggregates.live.rows import Rows, latest_rows
from hgl.aggregates.plan import FeaturePlan
from hgl.features.periods import YEAR


@dataclass(frozen=True)
class Part:
    """Features over the same rows.

    Attributes:
        answers: SQL of each of them.
        rows: the FROM clause of them all.
    """

    answers: Mapping[Feature, str]
    rows: str


class Parts:
    """The parts of a plan in the order in which features need them; the entity's own row is first.

    Args:
        seed: SQL of what a seed is: `key_0`, ..., `limit`, `time`.

    Attributes:
        named: SQL of the rows that name anchors, and of anchors, by name.
    """

    def __init__(self, place: Place, plan: FeaturePlan, seed: Mapping[str, str]) -> None:
        self._place, self._entity, self._seed = place, plan.entity_table, seed
        self._features = stored(plan)
        self._anchors: dict[Anchor, str] = {Anchor(): "entity"}
        self.named = {"entity": self._entity_keys()}
        self.parts = [self._own(), *self._others()]

    def _others(self) -> Iterator[Part]:
        """Yield aggregates, those over one number of latest rows together."""
        places = dict.fromkeys((f.anchor, f.source) for f in self._features)
        for anchor, source in places:
            if source is None:
                continue
            rows = self._rows(source, anchor)
            features = [f for f in self._features if (f.anchor, f.source) == (anchor, source)]
            for latest in dict.fromkeys(map(latest_rows, features)):
                chosen = [f for f in features if latest_rows(f) == latest]
                found = rows.whole(chosen) if latest is None else rows.latest(latest, chosen)
                yield Part(*found)

    def _own(self) -> Part:
        """What `value` and `age` read of the entity's own row."""
        answers = {f: self._cell(f) for f in self._features if f.source is None}
        return Part(answers, self._entity_row())

    def _entity_keys(self) -> str:
        """What rows refer to, and what the entity refers to."""
        kept = dict.fromkeys((*self._keys(self._entity), *self._naming(None)))
        columns = ", ".join(f"e.{c} AS {c}" for c in kept) or "1 AS one"
        return f"  SELECT {columns}\n  {self._entity_row()}"

    def _entity_row(self) -> str:
        values = [self._seed[f"key_{i}"] for i in range(len(self._place.key))]
        keys = equal("e", [k.quoted for k in self._place.key], values)
        return f"FROM {self._place.tables[self._entity].quoted} e WHERE {keys}"

    def _cell(self, feature: Feature) -> str:
        table, column = self._place.tables[self._entity], str(feature.column)
        if feature.function == "age":
            return f"({self._seed['time']} - {table.instants[column].of('e')}) / {YEAR}"
        return (table.texts if feature.categorical else table.numbers)[column].of("e")

    def _keys(self, table: str) -> list[str]:
        """Columns of a table that rows under it refer to."""
        sources = dict.fromkeys(s for f in self._features for s in (f.source, f.anchor.via) if s)
        links = [
            self._place.tables[self._passed(source)[-1]].links[source.path[-1]]
            for source in sources
        ]
        return list(dict.fromkeys(c for k in links if k.parent == table for c in k.parent_columns))

    def _naming(self, via: Source | None) -> list[str]:
        """Columns of the entity, or of the latest row of `via`, that name anchors."""
        links = self._place.tables[via.table if via else self._entity].links
        anchors = dict.fromkeys(f.anchor for f in self._features if f.source)
        fkeys = [a.fkey for a in anchors if a.via == via and a.fkey is not None]
        return list(dict.fromkeys(c for fkey in fkeys for c in links[fkey].columns))

    def _passed(self, source: Source) -> list[str]:
        """Tables along a source's path, the anchor's left out."""
        tables = [source.table]
        for fkey in source.path[:-1]:
            tables.append(self._place.tables[tables[-1]].links[fkey].parent)
        return tables

    def _rows(self, source: Source, anchor: Anchor) -> Rows:
        return Rows(self._place, source, self._passed(source), self._anchor(anchor), self._seed)

    def _anchor(self, anchor: Anchor) -> str:
        """Return the name of an anchor's keys, added on first use; it has to be known by then."""
        if anchor not in self._anchors:
            holder = self._via(anchor.via) if anchor.via else "entity"
            table = anchor.via.table if anchor.via else self._entity
            link = self._place.tables[table].links[str(anchor.fkey)]
            clock = clock_of(self._place, link.parent, "a")
            values = [f"(SELECT h.{c} FROM {holder} h)" for c in link.columns]
            wheres = [equal("a", link.parent_columns, values)]
            wheres += [clock.until(self._seed["limit"])] if clock else []
            tables = [
                f"{self._place.tables[link.parent].quoted} a",
                *(clock.joins if clock else ()),
            ]
            columns = ", ".join(f"a.{c} AS {c}" for c in self._keys(link.parent))
            name = self._anchors[anchor] = f"anchor_{len(self._anchors)}"
            rows = "\n    ".join(tables)
            self.named[name] = f"  SELECT {columns}\n  FROM {rows}\n  WHERE {' AND '.join(wheres)}"
        return self._anchors[anchor]

    def _via(self, via: Source) -> str:
        """Return the name of the latest row that names anchors, added on first use."""
        vias = dict.fromkeys(f.anchor.via for f in self._features if f.anchor.via)
        name = f"via_{list(vias).index(via) + 1}"
        if name not in self.named:
            columns = [f"r0.{c} AS {c}" for c in self._naming(via)]
            self.named[name] = self._rows(via, Anchor()).select(columns, latest=1)
        return name


def stored(plan: FeaturePlan) -> Sequence[Feature]:
    """Return the features that a database is asked for: all but those of the seed's time alone."""
    return [f for f in plan.features if f.function not in OF_TIME]


def comment(text: str) -> str:
    """Return `text` so that it cannot leave a comment of one line."""
    return " ".join(text.split())
