"""What an exported student says of seeds."""

from __future__ import annotations

from dataclasses import dataclass

from hgl.aggregates.batch import compute
from hgl.audit.horizon import Horizon
from hgl.audit.observer import Seen
from hgl.db.database import Database
from hgl.export.artefact import Artefact


@dataclass(frozen=True)
class Student:
    """Predictions of an exported student."""

    artefact: Artefact
    name = "student"

    @property
    def detail(self) -> str:
        return self.artefact.folder.name

    def looks(self, horizon: Horizon) -> bool:
        """Its columns are made for one cut."""
        return self.artefact.manifest.plan.cut == horizon.cut

    def __call__(self, db: Database, horizon: Horizon) -> Seen:
        columns = compute(db, self.artefact.manifest.plan, horizon.together)
        return {"prediction": self.artefact.scorer(columns)}
