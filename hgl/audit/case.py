"""What is audited: a question about a database, and what a seed may see of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from hgl.db.database import Database
from hgl.results.finding import Finding
from hgl.tasks.task import Task
from hgl.typing import Cut, Policy


@dataclass(frozen=True)
class Case:
    """A database, a task about it, and the regime under which seeds see the one for the other."""

    db: Database
    task: Task
    policy: Policy
    cut: Cut


class Check(Protocol):
    """Looks for one thing and yields what it finds."""

    def __call__(self, case: Case, /) -> Iterator[Finding]: ...
