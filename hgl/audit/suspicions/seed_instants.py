"""Rows at exactly the seed time: the inclusive cut shows them, the strict one does not."""

from __future__ import annotations

from collections.abc import Iterator

from hgl.audit.case import Case
from hgl.audit.suspicions.asked import ASKED, by_split, some
from hgl.audit.suspicions.shown import children, count, mentions
from hgl.db.duck import identifier
from hgl.results.finding import Finding


def seed_instants(case: Case) -> Iterator[Finding]:
    """Note how many seeds have rows about their entity at their own instant."""
    related = list(children(case, case.task.entity_table))
    if case.task.autocomplete or case.cut == "strict" or not related:
        return
    with case.db.connect() as connection:
        for split, rows in by_split(case).items():
            chosen = some(rows)
            connection.register(ASKED, chosen[["entity", "time"]])
            same = count(
                connection,
                f"SELECT count(*) FROM {identifier(ASKED)} a SEMI JOIN ({mentions(related)}) m "
                "ON m.entity = a.entity AND m.known = a.time",
            )
            if same:
                yield Finding(
                    check="seed instant",
                    severity="note",
                    place=f"{split} seeds",
                    evidence=f"{same} of {len(chosen)} seeds looked at have a row about their "
                    "entity at exactly the seed time, which cut=inclusive shows",
                    remedy="use cut=strict if the question is asked before the events of its own "
                    "instant; state the cut beside every score",
                )
