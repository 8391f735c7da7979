"""The columns of many seeds at once, by DuckDB."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hgl.aggregates.check import check
from hgl.aggregates.feature import Feature
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.statement import seeds_name, statement
from hgl.aggregates.table import FeatureTable
from hgl.db.database import Database
from hgl.errors import ConfigError
from hgl.typing import Cut


class Seeds(Protocol):
    """What is read of a `SeedTable`; see there."""

    @property
    def entity(self) -> np.ndarray: ...
    @property
    def time(self) -> np.ndarray: ...
    @property
    def cut(self) -> Cut: ...
    @property
    def visible_until(self) -> int | np.ndarray | None: ...


def compute(db: Database, plan: FeaturePlan, seeds: Seeds) -> FeatureTable:
    """Return the columns of `seeds`, in their order; a seed's row depends on no other seed.

    Time and memory grow with the rows of the plan's tables plus the seeds; DuckDB spills.
    Raises: SchemaError: the plan names a table, column or foreign key that `db` lacks.
        ConfigError: the plan was made for the other cut, or asks for a window that a function
        does not have.
    """
    if seeds.cut != plan.cut:
        raise ConfigError(f"seeds with cut={seeds.cut!r}: the plan was made for {plan.cut!r}")
    text = sql(db, plan)
    with db.connect() as connection:
        connection.register(seeds_name(db.schema), _asked(seeds))
        found = connection.sql(text).to_arrow_table()
    columns = dict(zip(plan.features, found.columns[1:], strict=True))
    return FeatureTable(
        plan,
        _stack([_numbers(columns[f]) for f in plan.numerical], len(found), np.float64),
        _stack([_codes(columns[f], plan, f) for f in plan.categorical], len(found), np.int64),
    )


def sql(db: Database, plan: FeaturePlan) -> str:
    """Return the query that `compute` runs: DuckDB's SQL over the tables of `db` and `seeds`.

    `seeds(seed, entity, time, limit)` has one row per seed, all BIGINT: a number to order by, the
    row position in the entity table, the seed's time and the latest visible time, in seconds.
    Raises: as `compute`.
    """
    check(db.schema, plan)
    return statement(db.schema, plan)


def limits(seeds: Seeds) -> np.ndarray:
    """Return the latest time that each seed may see: [n], int64 seconds."""
    ends = (
        seeds.time if seeds.visible_until is None else np.minimum(seeds.time, seeds.visible_until)
    )
    return ends - 1 if seeds.cut == "strict" else ends


def _asked(seeds: Seeds) -> pa.Table:
    return pa.table(
        {
            "seed": np.arange(len(seeds.entity)),
            "entity": seeds.entity,
            "time": seeds.time,
            "limit": limits(seeds),
        }
    )


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return pc.fill_null(column, np.nan).to_numpy()


def _codes(column: pa.ChunkedArray, plan: FeaturePlan, feature: Feature) -> np.ndarray:
    """Codes: 0 missing, 1 unknown, then the vocabulary in order."""
    vocabulary = pa.array(plan.vocabularies[feature.name], pa.string())
    known = pc.fill_null(pc.add(pc.index_in(column, value_set=vocabulary), 2), 1)
    return np.where(column.is_null().to_numpy(), 0, known.to_numpy())


def _stack(columns: list[np.ndarray], length: int, kind: type) -> np.ndarray:
    if not columns:
        return np.empty((length, 0), kind)
    return np.stack(columns, axis=1).astype(kind, copy=False)
