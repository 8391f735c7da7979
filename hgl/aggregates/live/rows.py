"""The rows of a source under one anchor, as SQL, and aggregates over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hgl.aggregates.feature import Feature, Source
from hgl.aggregates.live.clock import Clock, clock_of, equal, greatest
from hgl.aggregates.live.needs import reads_text
from hgl.aggregates.live.place import EARLIEST, Moment, Place, Reading
from hgl.db.duck import literal

_DOUBLE = "CAST({} AS double precision)"


class Rows:
    """Rows of a source's table, `r0`, joined with those on the path, `r1`, up to an anchor.

    Args:
        passed: tables along the path, the anchor's left out.
        anchor: name of the part that holds the anchor's keys.
        seed: SQL of the seed's `limit` and `time`, in seconds.
    """

    def __init__(
        self,
        place: Place,
        source: Source,
        passed: Sequence[str],
        anchor: str,
        seed: Mapping[str, str],
    ) -> None:
        self.place, self.source, self.seed = place, source, seed
        self.table = place.tables[source.table]
        self._passed, self._anchor = passed, anchor
        self._clocks = [clock_of(place, name, f"r{i}") for i, name in enumerate(passed)]
        self.clock = self._latest_clock()

    def latest(self, rows: int, features: Sequence[Feature]) -> tuple[dict[Feature, str], str]:
        """SQL of aggregates over so many of the latest rows, and their FROM clause."""
        values = self._values(features)
        columns = [f"{sql} AS {name}" for sql, name in values.items()]
        if self.clock and any(f.function == "days" for f in features):
            columns.append(f"{self.clock.moment.column} AS t")
        chosen = self.select(columns or ["1 AS one"], latest=rows)
        return {f: self._answer(f, values, "t", "") for f in features}, f"FROM (\n{chosen}) latest"

    def whole(self, features: Sequence[Feature]) -> tuple[dict[Feature, str], str]:
        """SQL of aggregates over all rows, or those since some time, and their FROM clause."""
        values = {sql: sql for sql in self._values(features)}
        spans = [f.window.seconds for f in features]
        since = None if None in spans else max(span for span in spans if span)
        time = self.clock.moment.column if self.clock else ""
        answers = {}
        for feature, span in zip(features, spans):
            chosen = self._after(span) if span is not None and span != since else ""
            answers[feature] = self._answer(feature, values, time, chosen)
        return answers, self._from([self._after(since)] if since is not None else [])

    def select(self, columns: Sequence[str], latest: int) -> str:
        """SQL of some columns of the latest rows."""
        order = ", ".join(f"{sql} {way}" for sql, way in self._order())
        return (
            f"  SELECT {', '.join(columns)}\n{self._from([])}\n  ORDER BY {order}\n  LIMIT {latest}"
        )

    def _from(self, wheres: Sequence[str]) -> str:
        tables = [f"{self.table.quoted} r0"]
        for i, fkey in enumerate(self.source.path[:-1]):
            link = self.place.tables[self._passed[i]].links[fkey]
            keys = equal(f"r{i + 1}", link.parent_columns, [f"r{i}.{c}" for c in link.columns])
            tables.append(f"JOIN {self.place.tables[link.parent].quoted} r{i + 1} ON {keys}")
        known = [clock for clock in self._clocks if clock]
        tables += [join for clock in known for join in clock.joins]
        link = self.place.tables[self._passed[-1]].links[self.source.path[-1]]
        anchor = [f"(SELECT a.{c} FROM {self._anchor} a)" for c in link.parent_columns]
        conditions = [
            equal(f"r{len(self._passed) - 1}", link.columns, anchor),
            *(clock.until(self.seed["limit"]) for clock in known),
            *wheres,
        ]
        joined, met = "\n    ".join(tables), "\n    AND ".join(conditions)
        return f"  FROM {joined}\n  WHERE {met}"

    def _latest_clock(self) -> Clock | None:
        """The time of the latest row passed; None where all are static."""
        known = [clock for clock in self._clocks if clock]
        if len(known) < 2:
            return known[0] if known else None
        latest = greatest(self.place.dialect, [clock.seconds for clock in known])
        return Clock(Moment(f"({latest})"))

    def _order(self) -> list[tuple[str, str]]:
        """Terms and directions, latest first: time, then the order in which rows are stored."""
        terms, own = [], self._clocks[0]
        last = " NULLS LAST" if self.place.dialect == "postgresql" else ""
        if self.clock and self.clock is not own:
            terms.append((self.clock.seconds, "DESC"))
        if own:
            first = " NULLS FIRST" if self.clock is not own else last
            terms.append((own.exact, f"DESC{first if own.moment.null_visible else ''}"))
        for order in self.table.order:
            column = order.sql.replace("{}", f"r0.{order.column}")
            terms.append((column, "DESC NULLS FIRST" if order.nullable else "DESC"))
        return terms

    def _after(self, span: int) -> str:
        """Condition: in the window of `span` seconds; nothing static is."""
        return self.clock.after(f"({self.seed['limit']} - {span})") if self.clock else "1 = 0"

    def _values(self, features: Sequence[Feature]) -> dict[str, str]:
        """SQL of every column read to a name."""
        read = [self._value(f) for f in features if f.column is not None]
        return {sql: f"v{i}" for i, sql in enumerate(dict.fromkeys(read))}

    def _reading(self, feature: Feature) -> Reading:
        readings = self.table.texts if reads_text(feature) else self.table.numbers
        return readings[str(feature.column)]

    def _value(self, feature: Feature) -> str:
        return self._reading(feature).of("r0")

    def _answer(self, feature: Feature, values: Mapping[str, str], time: str, chosen: str) -> str:
        """SQL of one feature over the rows that meet the condition `chosen`."""
        only = f" FILTER (WHERE {chosen})" if chosen else ""
        if feature.function == "count":
            return f"count(*){only}"
        if feature.function == "days":
            return self._days(time, only)
        value = values[self._value(feature)]
        if feature.function == "last":
            return f"max({value})"  # of one row
        if feature.function == "distinct":
            return f"count(DISTINCT {value}){only}"
        if feature.function == "mean":
            return f"avg({value}){only}"
        both = " AND ".join(filter(None, (chosen, f"{value} = {self._literal(feature)}")))
        part = _DOUBLE.replace("{}", f"count(*) FILTER (WHERE {both})")
        return f"{part} / nullif(count(*){only}, 0)"

    def _days(self, time: str, only: str) -> str:
        """From the earliest row, where that is not known from the start."""
        if self.clock is None:
            return "NULL"
        first = self.clock.moment.seconds.replace("{}", f"min({time}){only}")
        first = first if self.clock in self._clocks else f"nullif({first}, {EARLIEST})"
        days = _DOUBLE.replace("{}", f"{self.seed['time']} - ({first})") + " / 86400"
        if not self.clock.moment.null_visible:
            return days
        return f"CASE WHEN count(*){only} = count({time}){only} THEN {days} END"

    def _literal(self, feature: Feature) -> str:
        key = self._reading(feature).key(str(feature.value))
        if isinstance(key, str):
            return literal(key)
        return "NULL" if key is None else repr(key)


def latest_rows(feature: Feature) -> int | None:
    """Return how many latest rows a feature reads; None: all of them, or those of some time."""
    return 1 if feature.function == "last" else feature.window.rows
