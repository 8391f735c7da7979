"""Data that changed under its manifest, so that what was cached for it is of other data."""

from __future__ import annotations

from collections.abc import Iterator

from hgl.audit.case import Case
from hgl.db.arrange import fingerprint
from hgl.results.finding import Finding


def stale_files(case: Case) -> Iterator[Finding]:
    """Flag a database whose files are not those that its fingerprint was taken of."""
    found = fingerprint(case.db.schema, case.db.folder / "db")
    if found != case.db.fingerprint:
        yield Finding(
            check="stale file",
            severity="suspicion",
            place=case.db.schema.name,
            evidence=f"its files hash to {found[:12]}, its manifest says "
            f"{case.db.fingerprint[:12]}: labels, statistics and graphs cached under that name "
            "are of other data",
            remedy="ingest again (hgl ingest); never edit the Parquet files of an arranged folder",
        )
