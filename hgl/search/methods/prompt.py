"""What a language model is told of a search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hgl.db.schema import Schema, TableSchema
from hgl.search.actions import Action
from hgl.search.encoding import Encoding
from hgl.search.method import Worth
from hgl.search.model import GraphModel
from hgl.search.reach import Reach

RULES = """\
You choose how a relational database is drawn as a graph for a graph neural network.
Each table is one of: rows (each row is a node, joined to the rows its kept foreign keys name),
edges (each row joins the two rows its foreign keys name), or left out. Too much in the graph can be
as bad as too little."""


@dataclass(frozen=True)
class Prompt:
    """Writes prompts for one task.

    Attributes:
        task: what is predicted, in words.
        memory: latest models whose scores are told.
    """

    schema: Schema
    reach: Reach
    task: str
    memory: int

    def write(self, best: GraphModel, worth: Worth, options: Sequence[str]) -> str:
        """Return the prompt for the next action on the best model so far."""
        tables = "\n".join(_table(table) for table in self.schema.tables.values())
        latest = list(worth)[-self.memory :] if self.memory else []
        tried = "\n".join(f"{_score(worth[model])}: {_line(model)}" for model in latest)
        reach = self.reach
        parts = [
            RULES,
            f"Task: {self.task or 'not described'}",
            f"Predicted for each row of: {reach.entity_table}",
            f"Related with: {reach.destination}" if reach.destination else "",
            f"Layers: {reach.num_hops}; what is further away is not seen.",
            f"Tables:\n{tables}",
            f"Tried so far, latest last, with validation scores (higher is better):\n{tried}",
            f"Best so far, {_score(worth[best])}:\n{best}",
            "Actions on the best:\n" + "\n".join(f"- {option}" for option in options),
            "End your answer with one line: the action to try, copied without the dash.",
        ]
        return "\n\n".join(part for part in parts if part)

    def again(self, prompt: str, answer: str) -> str:
        """Return the prompt again, with what was wrong with the answer."""
        return (
            f"{prompt}\n\nYour last line was {answer!r}, which is none of the actions. "
            "End with one of them, to the letter."
        )


def label(action: Action, encoding: Encoding) -> str:
    """Return an action in words: the table, and what it becomes."""
    table, own = action.table, sum(encoding.own[action.table])
    edge = encoding.edges[table].bit if table in encoding.edges else 0
    keys = [
        k for (child, k), x in encoding.fkeys.items() if child == table and x.bit & action.touched
    ]
    kept = [k for k in keys if encoding.fkeys[table, k].bit & action.result]
    if action.result & edge:
        return f"{table}: edges"
    if action.touched & own != own:
        return f"{table}: {'keep' if kept else 'drop'} {', '.join(keys)}"
    if kept:
        return f"{table}: rows by {', '.join(kept)}"
    referred = encoding.touching[table] & ~own
    return (
        f"{table}: {'drop its keys' if referred and not action.touched & referred else 'leave out'}"
    )


def _table(table: TableSchema) -> str:
    keys = [f"{fkey.name} to {fkey.parent}" for fkey in table.fkeys]
    columns = [
        f"{c.name} {c.stype or c.type}" for c in table.columns if c.name not in table.key_columns
    ]
    parts = [
        f"keys {', '.join(keys)}" if keys else "",
        f"columns {', '.join(columns)}" if columns else "",
    ]
    time = f"time {table.time_col}" if table.time_col else ""
    rows = f"{table.num_rows} rows" if table.num_rows else ""
    return f"{table.name}: " + "; ".join(part for part in (rows, time, *parts) if part)


def _line(model: GraphModel) -> str:
    return "; ".join(str(model).splitlines())


def _score(score: float) -> str:
    return f"{score:.4f}" if math.isfinite(score) else "failed"
