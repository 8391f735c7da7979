"""From rows asked about to what is said of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from hgl.aggregates.live.features import UnknownEntity
from hgl.aggregates.table import FeatureTable
from hgl.db import times
from hgl.export.artefact import Artefact
from hgl.export.limits import Limits
from hgl.export.question import Row, iso, shown
from hgl.export.refusal import Refusal


class Features(Protocol):
    """Where the columns of rows come from; asked by several threads at once."""

    def fetch(self, keys: Sequence[Mapping[str, Any]], times: Sequence[int]) -> FeatureTable:
        """Return the columns of the rows with these keys, each at its time in seconds.

        Raises: UnknownEntity: there is no row with one of the keys, or several.
        """
        ...


class Predictor:
    """Answer rows with a student, one by one where not all of them can be answered."""

    def __init__(self, artefact: Artefact, features: Features, limits: Limits) -> None:
        self._scorer, self._features = artefact.scorer, features
        self._manifest = artefact.manifest
        longest = limits.max_staleness or artefact.manifest.max_staleness
        self._stale_from = None if longest is None else artefact.manifest.cutoff + longest
        self._refuses = limits.stale == "refuse"

    def answers(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Return, for each row, its key, its time, and its prediction and warnings or its error.

        Raises: Refusal: no row can be answered; with the first one's reason.
        """
        found = self._predictions(rows)
        refusals = [f for f in found if isinstance(f, Refusal)]
        if len(refusals) == len(rows):
            raise refusals[0]
        return [self._answer(row, f) for row, f in zip(rows, found, strict=True)]

    def _predictions(self, rows: Sequence[Row]) -> list[np.ndarray | Refusal]:
        found: list[Any] = [self._refusal(row) for row in rows]
        asked = [i for i, refusal in enumerate(found) if refusal is None]
        try:
            predictions = self._predict([rows[i] for i in asked])
        except UnknownEntity as error:
            for i in error.positions:
                found[asked[i]] = self._unknown(rows[asked[i]])
            asked = [i for i in asked if found[i] is None]
            predictions = self._predict([rows[i] for i in asked])
        for i, prediction in zip(asked, predictions, strict=True):
            found[i] = prediction
        return found

    def _predict(self, rows: Sequence[Row]) -> Iterable[np.ndarray]:
        if not rows:
            return ()
        return self._scorer(self._features.fetch([r.key for r in rows], [r.time for r in rows]))

    def _refusal(self, row: Row) -> Refusal | None:
        if self._refuses and self._is_stale(row):
            return Refusal(409, f"time {iso(row.time)}: {self._stale_reason()}")
        return None

    def _unknown(self, row: Row) -> Refusal:
        named = ", ".join(f"{name}={shown(value)}" for name, value in row.key.items())
        return Refusal(404, f"{self._manifest.task.entity_table} has no row with {named}")

    def _is_stale(self, row: Row) -> bool:
        return self._stale_from is not None and row.time > self._stale_from

    def _stale_reason(self) -> str:
        return f"too long after the student's cut-off {times.text(self._manifest.cutoff)}"

    def _answer(self, row: Row, found: np.ndarray | Refusal) -> dict[str, Any]:
        asked = {"key": row.key, "time": iso(row.time)}
        if isinstance(found, Refusal):
            return {**asked, "error": str(found)}
        warnings = []
        if row.time <= self._manifest.cutoff:
            warnings.append("in sample: training may have seen the answer")
        if self._is_stale(row):
            warnings.append(f"stale: {self._stale_reason()}")
        return {**asked, "prediction": self._said(found), "warnings": warnings}

    def _said(self, prediction: np.ndarray) -> float | dict[str, float]:
        """A number, or a probability for each class."""
        if not prediction.ndim:
            return float(prediction)
        classes = self._manifest.task.classes
        return dict(zip(classes, prediction.tolist(), strict=True))
