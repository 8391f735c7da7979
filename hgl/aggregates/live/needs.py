"""Which tables, columns and keys a plan reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from hgl.aggregates.feature import Feature, Source
from hgl.aggregates.paths import foreign_key, path_keys, tables_below
from hgl.aggregates.plan import FeaturePlan
from hgl.db.schema import Schema


@dataclass
class TableNeeds:
    """What is read of one table: columns by how they are read, foreign keys, its own time."""

    numbers: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    instants: set[str] = field(default_factory=set)
    fkeys: set[str] = field(default_factory=set)
    timed: bool = False

    @property
    def columns(self) -> set[str]:
        """All columns that hold values."""
        return self.numbers | self.texts | self.instants


def needs(schema: Schema, plan: FeaturePlan) -> dict[str, TableNeeds]:
    """Return what `plan`, which has passed `check`, reads of each table, by name.

    The entity's table is always there.
    """
    found: dict[str, TableNeeds] = {plan.entity_table: TableNeeds()}
    for feature in plan.features:
        if feature.column is not None:
            _add_column(plan, feature, found)
        if feature.source is not None:
            _add_anchor(schema, plan, feature, found)
            for source in filter(None, (feature.source, feature.anchor.via)):
                _add_path(schema, source, found)
    return dict(sorted(found.items()))


def reads_text(feature: Feature) -> bool:
    """Whether a feature reads its column as a category."""
    return feature.categorical or feature.function in ("share", "distinct")


def _add_column(plan: FeaturePlan, feature: Feature, found: dict[str, TableNeeds]) -> None:
    table = plan.entity_table if feature.source is None else feature.source.table
    needed = found.setdefault(table, TableNeeds())
    if feature.function == "age":
        needed.instants.add(str(feature.column))
    else:
        (needed.texts if reads_text(feature) else needed.numbers).add(str(feature.column))


def _add_anchor(
    schema: Schema, plan: FeaturePlan, feature: Feature, found: dict[str, TableNeeds]
) -> None:
    anchor = feature.anchor
    if anchor.fkey is not None:
        holder = anchor.via.table if anchor.via else plan.entity_table
        found.setdefault(holder, TableNeeds()).fkeys.add(anchor.fkey)
        parent = foreign_key(schema, holder, anchor.fkey).parent
        found.setdefault(parent, TableNeeds()).timed = True


def _add_path(schema: Schema, source: Source, found: dict[str, TableNeeds]) -> None:
    tables, keys = tables_below(schema, source), path_keys(schema, source)
    for table, fkey in zip(tables, keys):
        needed = found.setdefault(table, TableNeeds())
        needed.fkeys.add(fkey.name)
        needed.timed = True
        found.setdefault(fkey.parent, TableNeeds())
