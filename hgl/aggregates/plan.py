"""Which columns a seed has, and what their texts stand for."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from hgl.aggregates.feature import Feature
from hgl.errors import ConfigError
from hgl.typing import Cut


@dataclass(frozen=True)
class FeaturePlan:
    """The columns of seeds of one entity table; all else follows from it and a database.

    Attributes:
        cut: `inclusive`: a seed's limit is its own time (or the end of the database it sees);
            `strict`: a second earlier.
        features: numerical ones first, then categorical ones.
        vocabularies: known texts of each categorical feature, by its name, most frequent first.
    """

    entity_table: str
    cut: Cut
    features: tuple[Feature, ...]
    vocabularies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def numerical(self) -> tuple[Feature, ...]:
        """Features that are numbers, in order."""
        return tuple(f for f in self.features if not f.categorical)

    @property
    def categorical(self) -> tuple[Feature, ...]:
        """Features that are texts, in order."""
        return tuple(f for f in self.features if f.categorical)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Codes of each categorical feature: 0 missing, 1 unknown, then its vocabulary."""
        return tuple(len(self.vocabularies[f.name]) + 2 for f in self.categorical)

    def keep(self, names: Collection[str]) -> FeaturePlan:
        """Return the plan of some features only. Raises: ConfigError: there is no such feature."""
        known = {f.name for f in self.features}
        if unknown := sorted(set(names) - known):
            raise ConfigError(f"feature {unknown[0]!r}: expected one of the plan's {len(known)}")
        return dataclasses.replace(
            self,
            features=tuple(f for f in self.features if f.name in names),
            vocabularies={n: v for n, v in self.vocabularies.items() if n in names},
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and YAML."""
        return {
            "entity_table": self.entity_table,
            "cut": self.cut,
            "features": [dataclasses.asdict(f) for f in self.features],
            "vocabularies": {n: list(v) for n, v in self.vocabularies.items()},
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> FeaturePlan:
        """Read what `to_dict` wrote."""
        return cls(
            kept["entity_table"],
            kept["cut"],
            tuple(Feature.from_dict(f) for f in kept["features"]),
            {n: tuple(v) for n, v in kept["vocabularies"].items()},
        )
