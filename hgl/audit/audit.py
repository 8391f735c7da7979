"""One audit: canaries, a planted column, suspicions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from hgl.audit.canary import Tally, canaries
from hgl.audit.case import Case
from hgl.audit.horizon import horizons
from hgl.audit.observer import Observer
from hgl.audit.observers import standard_observers
from hgl.audit.planted import planted
from hgl.audit.suspicions import SUSPICIONS
from hgl.features.encode import measure_tables
from hgl.graph.spec import GraphSpec
from hgl.results.audit import Audit
from hgl.results.finding import Finding
from hgl.train.record import versions


def audit(
    case: Case,
    models: Sequence[Observer],
    *,
    spec: GraphSpec | None = None,
    seeds: int = 32,
    instants: int = 1,
    thorough: bool = False,
    announce: Callable[[str], None] = lambda _: None,
) -> Audit:
    """Look for leaks, proven and likely.

    Args:
        models: whose predictions are compared, beside batches, columns and statistics.
        spec: a graph whose batches are compared, beside the standard ones.
        seeds: of each split, policy, cut and instant, at most.
        instants: seed times of each split at which canaries are set, at most.
        thorough: make every change at every seed time.
        announce: told what comes next.
    Raises: TaskError: labels cannot be made.
    """
    began = time.monotonic()
    announce("labels")
    train = case.task.seeds(case.db, "train", policy=case.policy, cut=case.cut)
    hidden = train.task.remove_columns
    statistics = measure_tables(case.db, stats_until=train.stats_until, hidden=hidden)
    observers = [*standard_observers(case.db, train, spec, statistics), *models]
    places = horizons(case.db, case.task, seeds=seeds, instants=instants, thorough=thorough)
    tallies = canaries(case.db, places, observers, announce)
    findings = [finding for tally in tallies for finding in tally.findings()]
    announce("planted column")
    if worth := planted(case, statistics):
        findings += worth.findings()
    announce("suspicions")
    findings += [finding for check in SUSPICIONS for finding in check(case)]
    findings += _static(case)
    return Audit(
        dataset=case.db.schema.name,
        task=case.task.name,
        policy=case.policy,
        cut=case.cut,
        data=case.db.fingerprint,
        findings=tuple(findings),
        comparisons=_comparisons(tallies),
        seconds=time.monotonic() - began,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions(),
    )


def _comparisons(tallies: Sequence[Tally]) -> dict[str, int]:
    return {tally.label: tally.made for tally in tallies}


def _static(case: Case) -> Iterator[Finding]:
    """Yield a note on tables without a time, which no canary can be set in."""
    static = case.db.schema.static_tables
    if static:
        rows = sum(case.db.schema.table(name).num_rows for name in static)
        yield Finding(
            check="static tables",
            severity="note",
            place=", ".join(static),
            evidence=f"{len(static)} tables have no time; their {rows:,} rows, as they are now, "
            "are visible to every seed, and no canary is set in them",
            remedy="state a time_col in the manifest where rows come or change as time goes on",
        )
