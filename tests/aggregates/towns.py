"""Small random databases with all that makes time awkward, and plans that ask them everything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hgl.aggregates.feature import Anchor, Feature, Source, Window
from hgl.aggregates.places import across, below, children
from hgl.aggregates.plan import FeaturePlan
from hgl.db.database import Database
from hgl.db.schema import Schema
from hgl.typing import Cut

PARENTS = {
    "towns": {},
    "people": {"town": "towns", "boss": "people"},
    "shops": {"town": "towns"},
    "orders": {"person": "people", "shop": "shops"},
    "items": {"order": "orders"},
}
COLUMNS = {"amount": "numerical", "paid": "boolean", "kind": "categorical", "since": "timestamp"}
WINDOWS = (Window(), Window(1), Window(3), Window(None, 1), Window(None, 4))


@dataclass(frozen=True)
class Seeds:
    """What is read of a `SeedTable`."""

    entity: np.ndarray
    time: np.ndarray
    cut: Cut = "inclusive"
    visible_until: int | None = None

    def take(self, rows: np.ndarray) -> Seeds:
        return Seeds(self.entity[rows], self.time[rows], self.cut, self.visible_until)


def frames(random: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Tables of 1 to 12 rows: times equal, null and between seconds; nulls, dangling keys."""
    sizes = {table: int(random.integers(1, 13)) for table in PARENTS}
    return {table: _frame(random, table, sizes) for table in PARENTS}


def _frame(random: np.random.Generator, table: str, sizes: dict[str, int]) -> pd.DataFrame:
    n = sizes[table]
    ticks = random.integers(0, 12, n) * 1000 - random.choice([0, 0, 0, 1, 999], n)
    at = pd.Series((ticks - 4000).astype("datetime64[ms]").astype("datetime64[ns]"))
    columns: dict[str, object] = {"id": random.permutation(n) * 3, "at": _holes(random, at)}
    for fkey, parent in PARENTS[table].items():
        keys = pd.Series(random.integers(-1, sizes[parent], n) * 3).astype("Int64")
        columns[fkey] = _holes(random, keys)
    columns["amount"] = _holes(random, pd.Series(random.choice([-1.5, 0.0, 2.25, 1e9, np.inf], n)))
    columns["paid"] = _holes(random, pd.Series(random.choice(["Y", "n"], n)))
    columns["kind"] = _holes(random, pd.Series(random.choice(["a", "A", "it's", "b"], n)))
    columns["since"] = _holes(random, pd.Series(at - pd.Timedelta(days=400)))
    return pd.DataFrame(columns)


def _holes(random: np.random.Generator, values: pd.Series) -> pd.Series:
    return values.mask(random.random(len(values)) < 0.15)


def manifest(random: np.random.Generator) -> dict:
    """Some tables static, some with null times that are visible."""
    return {
        "tables": {
            table: {
                "pkey": ["id"],
                "fkeys": dict(fkeys),
                "time_col": None if random.random() < 0.3 else "at",
                "null_times": str(random.choice(["hidden", "visible"])),
                "columns": dict(COLUMNS),
            }
            for table, fkeys in PARENTS.items()
        }
    }


def random_town(number: int, folder: Path) -> tuple[Database, Seeds]:
    """Database `number`, and seeds of its people: any cut, frozen or rolling."""
    random = np.random.default_rng(number)
    db = Database.open(
        frames(random), name="town", manifest=manifest(random), out=folder / "arranged"
    )
    n = 30
    seeds = Seeds(
        random.integers(0, db.schema.table("people").num_rows, n),
        random.integers(-6, 10, n),
        str(random.choice(["inclusive", "strict"])),  # type: ignore[arg-type]
        None if random.random() < 0.5 else int(random.integers(-2, 8)),
    )
    return db, seeds


def everything(schema: Schema, entity_table: str, cut: Cut) -> FeaturePlan:
    """Every function over every window of every place around an entity."""
    places = [
        (Anchor(), s) for s in (*children(schema, entity_table), *below(schema, entity_table))
    ]
    places += across(schema, entity_table)
    features = [
        Feature("value", column="amount"),
        Feature("value", column="paid"),
        Feature("value", column="kind", categorical=True),
        Feature("age", column="since"),
        *(
            Feature("phase", value=f"{p} {w}")
            for p in ("year", "week", "day")
            for w in ("sin", "cos")
        ),
        Feature("since", value="1577836800"),
        Feature("since", value="-5"),
        *(f for anchor, source in places for f in _of(anchor, source)),
        *(
            Feature("last", source, column=column, categorical=True)
            for source in children(schema, entity_table)
            for column in _key_columns(schema, source.table)
        ),
        *(Feature("value", column=c, categorical=True) for c in _key_columns(schema, entity_table)),
    ]
    features.sort(key=lambda f: f.categorical)
    vocabularies = {f.name: ("it's", "a", "0", "6") for f in features if f.categorical}
    return FeaturePlan(entity_table, cut, tuple(features), vocabularies)


def _key_columns(schema: Schema, table: str) -> list[str]:
    return list(dict.fromkeys(c for fkey in schema.table(table).fkeys for c in fkey.columns))


def _of(anchor: Anchor, source: Source) -> list[Feature]:
    found = [
        Feature("distinct", source, anchor, "kind"),
        Feature("last", source, anchor, "amount"),
        Feature("last", source, anchor, "paid"),
        Feature("last", source, anchor, "kind", categorical=True),
    ]
    for window in WINDOWS:
        found += [
            Feature("count", source, anchor, window=window),
            Feature("mean", source, anchor, "amount", window=window),
            Feature("mean", source, anchor, "paid", window=window),
            Feature("share", source, anchor, "kind", "it's", window),
        ]
        if window.seconds is None:
            found.append(Feature("days", source, anchor, window=window))
    return found


def rewritten(
    db: Database, seeds: Seeds, number: int, limit: int, folder: Path
) -> tuple[Database, Seeds]:
    """The database with every timed row that is later than `limit`, or never known, made anew."""
    random = np.random.default_rng(number)
    changed = {}
    for name in db.schema.tables:
        frame = db.frame(name, ["id", "at", *COLUMNS, *PARENTS[name]])
        # A key's text is read too, and nulls make numbers of keys.
        frame = frame.astype(dict.fromkeys(PARENTS[name], "Int64"))
        known = db.times(name)
        if known is not None:
            later = np.flatnonzero(known > limit)
            for column in (*COLUMNS, *PARENTS[name]):
                cells = frame[column].array[random.permutation(later)]
                frame.loc[later, column] = cells
        changed[name] = frame.sample(frac=1.0, random_state=random)
    kept = {
        "tables": {
            name: {
                "pkey": ["id"],
                "fkeys": dict(PARENTS[name]),
                "time_col": table.time_col,
                "null_times": table.null_times,
                "columns": dict(COLUMNS),
            }
            for name, table in db.schema.tables.items()
        }
    }
    new = Database.open(changed, name="town", manifest=kept, out=folder)
    ids = db.frame("people", ["id"])["id"].to_numpy()[seeds.entity]
    entity = new.row_positions("people", ids.tolist())
    return new, Seeds(entity, seeds.time, seeds.cut, seeds.visible_until)
