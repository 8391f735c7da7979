"""Students on disk: what `hgl distill` leaves beside its report, and how one comes back."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from hgl.aggregates.plan import FeaturePlan
from hgl.distill.code_cache import CodeCache, CodeReader
from hgl.distill.ladder import Ladder
from hgl.distill.material import Material
from hgl.distill.rung import Rung
from hgl.distill.student import StudentSettings, weights_of
from hgl.errors import CacheError, ConfigError
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
        network: takes the columns of `plan`.
        units: centre, spread, low and high of a regression, else empty.
        scores: its metric on validation.
    """

    rung: str
    tier: str
    network: nn.Module
    plan: FeaturePlan
    temperature: float
    unsure_below: float | None
    units: dict[str, float]
    scores: dict[str, float]


def keep(ladder: Ladder, settings: StudentSettings, folder: Path) -> None:
    """Write what students of `folder` need to come back; their weights are there already."""
    material = ladder.material
    rungs = {}
    for rung in material.rungs:
        best = ladder.best(rung)
        student = ladder.students[rung.name][best]
        cascade = ladder.cascade(student)
        rungs[rung.name] = {
            "tier": rung.tier,
            "coded": material.tokens.codebook.channels if rung.coded else 0,
            "plan": student.plan.to_dict(),
            "weights": str(weights_of(Path(), rung.name, best)),
            "reads": _reads(rung, material, folder),
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
    cache = CodeCache.read(folder) if found["reads"] else None
    mlp = settings.network(
        plan, kept["out_channels"], code_channels=found["coded"], extra=found["reads"]
    )
    weights = folder / found["weights"]
    tensors, _ = load_tensors(weights)
    own = {k.removeprefix("mlp."): v for k, v in tensors.items()}
    restore_model(mlp, own, weights)
    return KeptStudent(
        name,
        found["tier"],
        CodeReader(mlp, cache.vectors).eval() if cache else mlp.eval(),
        cache.plan(plan) if cache else plan,
        found["temperature"],
        found["unsure_below"],
        kept["units"],
        found["scores"],
    )


def _reads(rung: Rung, material: Material, folder: Path) -> int:
    """Columns of codes that a rung reads; writes their cache."""
    if rung.tier != "row+agg+code" or material.read_codes is None:
        return 0
    material.read_codes.cache.write(folder)
    return material.read_codes.columns["train"].shape[1]


def _units(objective: Objective) -> dict[str, float]:
    if not isinstance(objective, Regression):
        return {}
    names = ("centre", "spread", "low", "high")
    return {name: float(getattr(objective, name)) for name in names}
