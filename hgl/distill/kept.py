"""Students on disk: what `hgl distill` leaves beside its report, and how one comes back."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hgl.aggregates.plan import FeaturePlan
from hgl.distill.ladder import Ladder
from hgl.distill.rung import SERVED
from hgl.distill.student import StudentSettings, weights_of
from hgl.errors import CacheError, ConfigError
from hgl.models.table_mlp import TableMLP
from hgl.train.checkpoint import load_tensors, restore_model
from hgl.train.objective import Objective, Regression
from hgl.train.record import write_text

FILE = "students.json"


@dataclass(frozen=True)
class KeptStudent:
    """One student as it was trained.

    Attributes:
        rung: its name.
        tier: what it reads.
        temperature: what to divide its outputs by; 1 for a regression.
        unsure_below: confidence below which the teacher is to be asked; None: it has none.
        units: centre, spread, low and high of a regression, else empty.
        scores: its metric on validation.
    """

    rung: str
    tier: str
    mlp: TableMLP
    plan: FeaturePlan
    temperature: float
    unsure_below: float | None
    units: dict[str, float]
    scores: dict[str, float]


def keep(ladder: Ladder, settings: StudentSettings, folder: Path) -> None:
    """Write what students of `folder` need to come back; their weights are there already."""
    material = ladder.material
    rungs = {}
    for rung in SERVED:
        best = ladder.best(rung)
        student = ladder.students[rung.name][best]
        cascade = ladder.cascade(student)
        rungs[rung.name] = {
            "tier": rung.tier,
            "coded": material.tokens.codebook.channels if rung.coded else 0,
            "plan": student.plan.to_dict(),
            "weights": str(weights_of(Path(), rung.name, best)),
            "temperature": ladder.warmth(student),
            "unsure_below": cascade and cascade.threshold,
            "scores": {material.seeds["val"].task.metric: student.score},
        }
    kept = {
        "chosen": ladder.chosen.name,
        "settings": dataclasses.asdict(settings),
        "out_channels": material.objective.out_channels,
        "units": _units(material.objective),
        "rungs": rungs,
    }
    write_text(folder / FILE, json.dumps(kept, indent=1))


def read(folder: Path, rung: str | None = None) -> KeptStudent:
    """Read a student; the one that ships where no rung is named.

    Raises: CacheError: the folder holds none, or a damaged one. ConfigError: no such rung.
    """
    refusal = CacheError(f"distilled={str(folder)!r}: expected the folder that hgl distill left")
    try:
        kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
        name, rungs = rung or kept["chosen"], kept["rungs"]
        if name not in rungs:
            raise ConfigError(f"rung={name!r}: expected one of {', '.join(rungs)}")
        return _student(folder, name, rungs[name], kept)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        if isinstance(error, CacheError | ConfigError):
            raise
        raise refusal from None


def _student(folder: Path, name: str, found: dict[str, Any], kept: dict[str, Any]) -> KeptStudent:
    plan, settings = FeaturePlan.from_dict(found["plan"]), StudentSettings(**kept["settings"])
    mlp = settings.network(plan, kept["out_channels"], code_channels=found["coded"])
    weights = folder / found["weights"]
    tensors, _ = load_tensors(weights)
    own = {k.removeprefix("mlp."): v for k, v in tensors.items()}
    restore_model(mlp, own, weights)
    return KeptStudent(
        name,
        found["tier"],
        mlp.eval(),
        plan,
        found["temperature"],
        found["unsure_below"],
        kept["units"],
        found["scores"],
    )


def _units(objective: Objective) -> dict[str, float]:
    if not isinstance(objective, Regression):
        return {}
    names = ("centre", "spread", "low", "high")
    return {name: float(getattr(objective, name)) for name in names}
