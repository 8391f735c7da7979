"""Seeds later than the database they see: under the frozen policy it ends at the test timestamp."""

from __future__ import annotations

from collections.abc import Iterator

from hgl.audit.case import Case
from hgl.audit.suspicions.asked import asked
from hgl.errors import TaskError
from hgl.results.finding import Finding
from hgl.tasks import splits


def frozen_seeds(case: Case) -> Iterator[Finding]:
    """Note how many test seeds see a database that is older than they are."""
    if case.policy == "rolling":
        return
    _, test = splits.timestamps(case.task, case.db)
    try:
        rows = asked(case, "test")
    except TaskError:  # there are no test labels to be scored by
        return
    later = int((rows["time"] > test).sum())
    if later:
        oldest = (rows["time"].max() - test) / 86400
        yield Finding(
            check="frozen seed",
            severity="note",
            place="test seeds",
            evidence=f"{later} of {len(rows)} seeds are later than test_timestamp, where "
            f"policy=frozen ends the database: by {oldest:g} days at most",
            remedy="use policy=rolling where the model will see rows up to each question; never "
            "compare scores under the two",
        )
