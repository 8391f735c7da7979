"""The query behind a plan: one statement over the tables of a database and a table of seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hgl.aggregates.answers import own_answer, own_cell, source_answer
from hgl.aggregates.cells import positioned, time_cell
from hgl.aggregates.feature import Anchor, Feature, Source
from hgl.aggregates.paths import anchor_table, foreign_key
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.running import Running, comment, listed, running_terms
from hgl.db.clock import free_name
from hgl.db.duck import identifier
from hgl.db.schema import Schema


def seeds_name(schema: Schema) -> str:
    """Return the name of the table of seeds: `seeds`, if no table of the database has it."""
    return free_name("seeds", schema.tables)


def statement(schema: Schema, plan: FeaturePlan) -> str:
    """Return the query: one row per seed, by seed; its columns are `seed`, then the features.

    The plan must have passed `check`.
    """
    return _Statement(schema, plan).text()


class _Statement:
    """Anchors, running relations and lookups, numbered in the order in which features name them."""

    def __init__(self, schema: Schema, plan: FeaturePlan) -> None:
        self.schema = schema
        self.plan = plan
        self.entity = schema.table(plan.entity_table)
        self.seeds = identifier(seeds_name(schema))
        self.anchors = list(dict.fromkeys(f.anchor for f in plan.features if f.source))
        self.runnings = dict(self._runnings())
        self.lookups = list(dict.fromkeys(lookup for f in plan.features for lookup in _lookups(f)))
        cells = (own_cell(f, self.entity) for f in plan.features if f.function in ("value", "age"))
        self.cells = {sql: f"own_{n}" for n, sql in enumerate(dict.fromkeys(cells))}

    def text(self) -> str:
        relations = [r for x in self.runnings.values() for r in x.relations(self.schema)]
        relations += [self._anchor(n, anchor) for n, anchor in enumerate(self.anchors)]
        relations += [self._lookup(n, *lookup) for n, lookup in enumerate(self.lookups)]
        joins = [f"LEFT JOIN found_{n} USING (seed)" for n in range(len(self.lookups))]
        if self.cells:
            relations.append(self._own())
            joins.insert(0, "LEFT JOIN own ON own.key = s.entity")
        given = "WITH\n" + ",\n".join(relations) + "\n" if relations else ""
        answers = [f"{self._answer(f)} AS {identifier(f.name)}" for f in self.plan.features]
        rows = "\n  ".join([f"FROM {self.seeds} s", *joins])
        return f"{given}SELECT\n    {listed(['s.seed', *answers])}\n{rows}\nORDER BY s.seed\n"

    def _own(self) -> str:
        """What features read of the entity's own row: `own(key, ...)`."""
        rows, position = positioned(self.entity)
        columns = [f"{position} AS key", *(f"{sql} AS {name}" for sql, name in self.cells.items())]
        return f"own AS (\n  SELECT\n    {listed(columns)}\n  FROM {rows}\n)"

    def _runnings(self) -> Iterator[tuple[Source, Running]]:
        features = self.plan.features
        vias = (anchor.via for anchor in self.anchors)
        sources = filter(None, (*vias, *(f.source for f in features)))
        for n, source in enumerate(dict.fromkeys(sources)):
            own = tuple(f for f in features if f.source == source)
            named = dict.fromkeys(a.fkey for a in self.anchors if a.via == source and a.fkey)
            yield source, Running(n, source, own, tuple(named))

    def _anchor(self, number: int, anchor: Anchor) -> str:
        """The key of each seed under an anchor: `anchor_<number>(seed, key, limit)`."""
        entity = self.entity
        if anchor.fkey is None:
            title, key, rows = entity.name, "s.entity", f"{self.seeds} s"
        elif anchor.via is None:
            fkey = foreign_key(self.schema, entity.name, anchor.fkey)
            source, position = positioned(entity)
            title, key = f"{anchor.fkey} of {entity.name}", f"e.{identifier(fkey.row_col)}"
            rows = f"{self.seeds} s JOIN {source} e ON e.{position} = s.entity"
        else:
            running = self.runnings[anchor.via]
            title = f"{anchor.fkey} of the latest row of {anchor.via.table}"
            key = f"r.{running.named_column(anchor.fkey)}"
            rows = (
                f"{self.seeds} s ASOF JOIN latest_{running.number} l\n"
                '    ON l.key = s.entity AND l.time <= s."limit"\n'
                f"  JOIN running_{running.number} r USING (position)"
            )
        if anchor.fkey is not None:
            rows += self._known(anchor, key)
        return (
            f'{comment(title)}anchor_{number} AS (\n  SELECT s.seed, {key} AS key, s."limit"\n'
            f"  FROM {rows}\n)"
        )

    def _known(self, anchor: Anchor, key: str) -> str:
        """The join that leaves out anchors not known by a seed's limit."""
        table = self.schema.table(anchor_table(self.schema, self.plan.entity_table, anchor))
        if (time := time_cell(table)) is None:
            return ""
        rows, position = positioned(table)
        known = f"(SELECT {position} AS position, {time} AS time FROM {rows}) p"
        return f'\n  JOIN {known} ON p.position = {key} AND p.time <= s."limit"'

    def _lookup(self, number: int, anchor: Anchor, source: Source, seconds: int) -> str:
        """What is kept at a seed's limit, or some seconds before: `found_<number>(seed, ...)`."""
        running = self.runnings[source]
        wanted = dict.fromkeys(
            running.columns[sql]
            for f in self.plan.features
            if (anchor, source, seconds) in _lookups(f)
            for sql in running_terms(f)
        )
        columns = ["a.seed", *(f"r.{c} AS f{number}_{c}" for c in wanted)]
        until = f'a."limit" - {seconds}' if seconds else 'a."limit"'
        return (
            f"found_{number} AS (\n  SELECT\n    {listed(columns)}\n"
            f"  FROM anchor_{self.anchors.index(anchor)} a ASOF JOIN latest_{running.number} l\n"
            f"    ON l.key = a.key AND l.time <= {until}\n"
            f"  JOIN running_{running.number} r USING (position)\n)"
        )

    def _cell(self, feature: Feature) -> str:
        """The column of `own` that a feature reads; "" for functions of its time."""
        return "" if feature.column is None else self.cells[own_cell(feature, self.entity)]

    def _answer(self, feature: Feature) -> str:
        if feature.source is None:
            answer = own_answer(feature, self._cell(feature))
        else:
            running = self.runnings[feature.source]
            kept = [
                [
                    f"f{self.lookups.index(lookup)}_{running.columns[sql]}"
                    for sql in running_terms(feature)
                ]
                for lookup in _lookups(feature)
            ]
            answer = source_answer(feature, kept[0], kept[1] if len(kept) > 1 else ())
        return answer if feature.categorical else f"({answer})::DOUBLE"


def _lookups(feature: Feature) -> Sequence[tuple[Anchor, Source, int]]:
    """Where a feature's rows are looked up: at the limit, and where its window starts."""
    if feature.source is None:
        return ()
    seconds = feature.window.seconds
    return [
        (feature.anchor, feature.source, s) for s in ((0,) if seconds is None else (0, seconds))
    ]
