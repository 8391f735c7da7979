"""Count the graph models of RDB2G-Bench's eighteen tasks, beside the published counts.

python benchmarks/space.py
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from hgl.db.schema import ForeignKey, Schema, TableSchema
from hgl.search.space import SpecSpace

FIXTURES = Path(__file__).parents[1] / "tests" / "search" / "schemas"


@dataclass(frozen=True)
class Published:
    """One task and what RDB2G-Bench (arXiv:2506.01360) counts for its database and for itself."""

    schema: Schema
    name: str
    entity_table: str
    destination: str | None
    num_raw: int
    count: int

    def space(self) -> SpecSpace:
        """A new space, not yet enumerated."""
        return SpecSpace(self.schema, self.entity_table, destination=self.destination)


def published() -> Iterator[Published]:
    """Read every task of the fixtures."""
    for file in sorted(FIXTURES.glob("*.yaml")):
        kept = yaml.safe_load(file.read_text())
        tables = {name: _table(name, fkeys) for name, fkeys in kept["tables"].items()}
        schema = Schema(file.stem, tables)
        for name, task in kept["tasks"].items():
            destination = task.get("destination")
            yield Published(schema, name, task["entity"], destination, kept["raw"], task["valid"])


def _table(name: str, fkeys: dict[str, str]) -> TableSchema:
    keys = [ForeignKey(key, (key,), parent, ("id",), key) for key, parent in fkeys.items()]
    return TableSchema(name, (), fkeys=tuple(keys))


def main() -> None:
    """Print one row per task: counts, published counts, seconds for schema to sorted models."""
    print("| database | task | raw | published | valid | published | seconds |")
    print("|-|-|-|-|-|-|-|")
    for task in published():
        start = time.perf_counter()
        space = task.space()
        count = space.count
        seconds = time.perf_counter() - start
        counts = f"{space.num_raw} | {task.num_raw} | {count} | {task.count}"
        print(f"| {task.schema.name} | {task.name} | {counts} | {seconds:.3f} |")


if __name__ == "__main__":
    main()
