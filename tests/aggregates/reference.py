"""The slow, obvious way to say what a seed's features are: filter rows, sort, take, reduce."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from hgl.aggregates.feature import Anchor, Feature, Source, Window
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.table import FeatureTable
from hgl.db.database import Database
from hgl.db.duck import identifier
from hgl.typing import STATIC_TIME, UNKNOWN_TIME

DAY, YEAR = 86400, 365.25 * 86400
PERIODS = {"year": YEAR, "week": 7 * DAY, "day": DAY}
TRUE = {"true", "t", "yes", "y", "1", "1.0"}


class Reference:
    """A database in memory, row by row."""

    def __init__(self, db: Database) -> None:
        self.schema = db.schema
        self.rows: dict[str, dict[int, dict[str, Any]]] = {}
        self.times: dict[str, dict[int, int]] = {}
        with db.connect() as connection:
            for name, table in db.schema.tables.items():
                found = connection.sql(f"SELECT * FROM {identifier(name)}").to_arrow_table()
                kept = [
                    r[table.row_col] if table.row_col else i
                    for i, r in enumerate(found.to_pylist())
                ]
                times = db.times(name)
                known = [STATIC_TIME] * len(kept) if times is None else times.tolist()
                self.rows[name] = dict(zip(kept, found.to_pylist(), strict=True))
                self.times[name] = dict(zip(kept, known, strict=True))
        self.under = cache(self._under)

    def compute(self, plan: FeaturePlan, seeds: Any) -> FeatureTable:
        """See `hgl.aggregates.batch.compute`."""
        numbers, codes = [], []
        for entity, time in zip(seeds.entity.tolist(), seeds.time.tolist(), strict=True):
            limit = time if seeds.visible_until is None else min(time, seeds.visible_until)
            limit -= seeds.cut == "strict"
            values = {f: self.value(plan, f, entity, time, limit) for f in plan.features}
            numbers.append([math.nan if values[f] is None else values[f] for f in plan.numerical])
            codes.append([code(values[f], plan.vocabularies[f.name]) for f in plan.categorical])
        return FeatureTable(
            plan,
            np.array(numbers, np.float64).reshape(len(numbers), len(plan.numerical)),
            np.array(codes, np.int64).reshape(len(codes), len(plan.categorical)),
        )

    def value(self, plan: FeaturePlan, feature: Feature, entity: int, time: int, limit: int) -> Any:
        """One cell: a number, a text or None."""
        if feature.function == "phase":
            period, wave = str(feature.value).split()
            return getattr(math, wave)(2 * math.pi * (time % PERIODS[period]) / PERIODS[period])
        if feature.function == "since":
            return (time - int(str(feature.value))) / 86400
        own = self.rows[plan.entity_table][entity]
        if feature.function == "age":
            born = own[str(feature.column)]
            return None if born is None else (time - pd.Timestamp(born).timestamp()) / YEAR
        if feature.source is None:
            return self.cell(plan.entity_table, own, feature)
        anchor = self.anchor(plan, feature.anchor, entity, limit)
        rows = [] if anchor is None else self.visible(feature.source, anchor, limit, feature.window)
        return self.reduce(feature, rows, time)

    def anchor(self, plan: FeaturePlan, anchor: Anchor, entity: int, limit: int) -> int | None:
        """The row that rows are looked up under; None where it is not known at the limit."""
        if anchor.fkey is None:
            return entity
        table, row = plan.entity_table, entity
        if anchor.via is not None:
            rows = self.visible(anchor.via, entity, limit, Window())
            if not rows:
                return None
            table, row = anchor.via.table, rows[-1][1]
        fkey = self.fkey(table, anchor.fkey)
        found = self.rows[table][row][fkey.row_col]
        return found if found is not None and self.times[fkey.parent][found] <= limit else None

    def visible(
        self, source: Source, anchor: int, limit: int, window: Window
    ) -> list[tuple[int, int]]:
        """(time, row) of the rows of a window, the latest last."""
        rows = sorted(r for r in self.under(source).get(anchor, []) if r[0] <= limit)
        if window.seconds is not None:
            rows = [r for r in rows if r[0] > limit - window.seconds]
        return rows if window.rows is None else rows[-window.rows :]

    def reduce(self, feature: Feature, rows: Sequence[tuple[int, int]], time: int) -> Any:
        assert feature.source is not None
        if feature.function == "count":
            return len(rows)
        if feature.function == "days":
            return (time - rows[0][0]) / DAY if rows and rows[0][0] != STATIC_TIME else None
        table = feature.source.table
        cells = [self.cell(table, self.rows[table][row], feature) for _, row in rows]
        known = [c for c in cells if c is not None]
        if feature.function == "last":
            return cells[-1] if cells else None
        if feature.function == "distinct":
            return len(set(known))
        if feature.function == "share":
            return cells.count(feature.value) / len(cells) if cells else None
        return math.fsum(known) / len(known) if known else None

    def cell(self, table: str, row: dict[str, Any], feature: Feature) -> Any:
        found = row[str(feature.column)]
        if found is None:
            return None
        if feature.categorical or feature.function in ("share", "distinct"):
            return str(found)
        if self.schema.table(table).column(str(feature.column)).stype == "boolean":
            return float(str(found).lower() in TRUE)
        return float(found) if math.isfinite(float(found)) else None

    def fkey(self, table: str, name: str) -> Any:
        return next(f for f in self.schema.table(table).fkeys if f.name == name)

    def _under(self, source: Source) -> dict[int, list[tuple[int, int]]]:
        """(time, row) of the rows under each anchor that will ever be known."""
        found: dict[int, list[tuple[int, int]]] = {}
        for start in self.rows[source.table]:
            table, row, time = source.table, start, self.times[source.table][start]
            for name in source.path:
                fkey = self.fkey(table, name)
                time = max(time, self.times[table][row])
                table, row = fkey.parent, self.rows[table][row][fkey.row_col]
                if row is None:
                    break
            if row is not None and time != UNKNOWN_TIME:
                found.setdefault(row, []).append((time, start))
        return found


def code(text: str | None, vocabulary: Sequence[str]) -> int:
    """0 missing, 1 unknown, 2 and up the vocabulary."""
    if text is None:
        return 0
    return vocabulary.index(text) + 2 if text in vocabulary else 1
