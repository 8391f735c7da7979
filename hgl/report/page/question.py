"""What a run was asked, as far as a report needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hgl.db import times
from hgl.errors import CacheError, ConfigError


@dataclass(frozen=True)
class Question:
    """A task, without what makes its labels.

    Attributes:
        timedelta: seconds of the window `(t, t + timedelta]`.
        val_timestamp, test_timestamp: seconds; None where the database has them.
    """

    name: str
    kind: str
    entity_table: str
    time_col: str
    target_col: str
    timedelta: int
    metric: str = ""
    val_timestamp: int | None = None
    test_timestamp: int | None = None

    @classmethod
    def read(cls, run: Path) -> Question:
        """Read the `task.yaml` of a run. Raises: CacheError: it cannot be used."""
        try:
            stored = yaml.safe_load((run / "task.yaml").read_text(encoding="utf-8"))
            return cls(
                name=str(stored["name"]),
                kind=str(stored["kind"]),
                entity_table=str(stored["entity_table"]),
                time_col=str(stored.get("time_col", "timestamp")),
                target_col=str(stored["target_col"]),
                timedelta=times.duration(stored["timedelta"]),
                metric=str(stored.get("metric") or ""),
                val_timestamp=_instant(stored, "val_timestamp"),
                test_timestamp=_instant(stored, "test_timestamp"),
            )
        except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
            raise CacheError(f"its task.yaml cannot be used ({type(error).__name__})") from None
        except ConfigError as error:
            raise CacheError(f"its task.yaml cannot be used ({error})") from None


def _instant(stored: Mapping[str, Any], name: str) -> int | None:
    return None if stored.get(name) is None else times.instant(stored[name])
