"""What people and programs must know of a student before they use it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import hgl
from hgl.aggregates.feature import Feature
from hgl.aggregates.plan import FeaturePlan
from hgl.db import times
from hgl.db.redact import redact_all
from hgl.db.shape import check_fields
from hgl.export.used_schema import UsedSchema
from hgl.typing import Policy

FORMAT = 1
"""Of the folder and its manifest; another one is refused."""
_UNITS = {"count": "rows", "share": "share", "days": "days", "since": "days", "age": "years"}


@dataclass(frozen=True)
class TaskCard:
    """What is predicted.

    Attributes:
        key_columns: of the entity table: how a row is named, in this order.
        timedelta: horizon in seconds: a prediction at t is about `(t, t + timedelta]`.
        classes: of the outputs, in their order; () where there is one output.
    """

    name: str
    kind: str
    entity_table: str
    key_columns: tuple[str, ...]
    target: str
    timedelta: int
    metric: str
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TeacherCard:
    """Whom a student learned from: the name and the fingerprint of a run, its model's class."""

    folder: str
    fingerprint: str
    model: str


@dataclass(frozen=True)
class Source:
    """Where a student comes from, as plain values.

    Attributes:
        db: the database, as commands name it; a password in it is not written.
        manifest: what was stated about it, if anything.
        schema: of the arranged copy, as `Schema.to_manifest` returns it.
        task: fields of the task, as `Task.from_mapping` or a run's folder has them.
    """

    db: str
    manifest: Any
    schema: Mapping[str, Any]
    task: Mapping[str, Any]


@dataclass(frozen=True)
class Manifest:
    """All of a student but its weights.

    Attributes:
        tier: which columns it reads: `row`, `row+agg`, …
        policy: how the validation scores were made.
        cutoff: latest time, in seconds, that training saw.
        max_staleness: seconds from the cut-off after which predictions are stale; None: never.
        teacher: None where it learned from the answers alone.
        plan: its columns, in order, and their vocabularies.
        database: name of the database.
        data: fingerprint of the data that it learned from.
        used: what the plan reads of the database's shape.
        source: the database and the task themselves.
        unsure_below: confidence below which the teacher is to be asked; None: it has none.
        scores: on validation.
        version: of hgl that wrote it.
    """

    task: TaskCard
    tier: str
    policy: Policy
    cutoff: int
    max_staleness: int | None
    teacher: TeacherCard | None
    plan: FeaturePlan
    database: str
    data: str
    used: UsedSchema
    source: Source
    unsure_below: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    version: str = hgl.__version__

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "format": FORMAT,
            "hgl": self.version,
            "task": dataclasses.asdict(self.task),
            "tier": self.tier,
            "policy": self.policy,
            "cutoff": times.text(self.cutoff),
            "max_staleness": self.max_staleness,
            "teacher": dataclasses.asdict(self.teacher) if self.teacher else None,
            "unsure_below": self.unsure_below,
            "scores": {name: float(score) for name, score in self.scores.items()},
            "columns": [column(f) for f in (*self.plan.numerical, *self.plan.categorical)],
            "plan": self.plan.to_dict(),
            "database": {
                "name": self.database,
                "data": self.data,
                "shape": self.used.fingerprint,
                "tables": self.used.tables,
            },
            "source": redact_all(dataclasses.asdict(self.source)),
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Manifest:
        """Read what `to_dict` wrote, through JSON too.

        Raises: LookupError, TypeError, AttributeError, ValueError: it is something else.
        """
        card, teacher, database = kept["task"], kept["teacher"], kept["database"]
        lists = {name: tuple(card[name]) for name in ("key_columns", "classes")}
        manifest = cls(
            task=TaskCard(**{**card, **lists}),
            tier=kept["tier"],
            policy=kept["policy"],
            cutoff=times.instant(kept["cutoff"]),
            max_staleness=kept["max_staleness"],
            teacher=TeacherCard(**teacher) if teacher else None,
            plan=FeaturePlan.from_dict(kept["plan"]),
            database=database["name"],
            data=database["data"],
            used=UsedSchema(database["tables"]),
            source=Source(**kept["source"]),
            unsure_below=kept["unsure_below"],
            scores=kept["scores"],
            version=kept["hgl"],
        )
        check_fields(manifest)
        return manifest


def column(feature: Feature) -> dict[str, str | None]:
    """Return the name, the type and the unit of one input; codes of texts have no unit."""
    return {
        "name": feature.name,
        "dtype": "int64" if feature.categorical else "float32",
        "unit": None if feature.categorical else _UNITS.get(feature.function),
    }
