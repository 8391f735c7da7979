"""Trials and their results, shared by all workers of all searches."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import and_, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from hgl.db.redact import redact
from hgl.errors import CacheError, check_range
from hgl.search.heartbeat import Sightings, beating
from hgl.search.store_engine import StoreEngine
from hgl.search.store_rows import done, from_json, rows_frame, to_json
from hgl.search.store_tables import SEARCH, TEST, TRIAL
from hgl.search.trial_record import (
    Claim,
    Done,
    Metrics,
    SearchIdentity,
    Taken,
    TrialKey,
    check_metrics,
)

_INSERT: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class TrialStore:
    """Results by what they depend on, so that no trial runs twice, whoever asks for it.

    A trial is claimed, then done or failed. A claim whose worker has been silent for longer than
    the lease can be taken over; what its old holder then reports is not kept.

    Args:
        where: a file for SQLite, or a URL of SQLite or PostgreSQL.
        lease: seconds after its last heartbeat that a claim holds.
    Raises: ConfigError: `where` is neither, or `lease` is not positive. SourceError: the store
        cannot be reached or written, here and in every method. CacheError: it is damaged, of
        another version, or another program's.
    """

    def __init__(self, where: str | Path, *, lease: float = 120.0) -> None:
        check_range("lease", lease, 1e-3)
        self._engine = StoreEngine(where)
        self._lease, self._seen = lease, Sightings()

    def open_search(self, search: SearchIdentity, name: str | None = None) -> str:
        """Begin or continue a search; return its name.

        Args:
            name: by default a hash of the search, which any change makes a new one.
        Raises: CacheError: the search of that name has another database, task or settings.
        """
        name = name or search.id
        with self._engine.writing() as connection:
            _insert_new(connection, SEARCH, {"name": name, **dataclasses.asdict(search)})
            row = connection.execute(select(SEARCH).where(SEARCH.c.name == name)).one()
        stored = SearchIdentity(**{k: v for k, v in row._mapping.items() if k != "name"})
        if differing := stored.differences(search):
            raise CacheError(
                f"search {name!r} in store {self._engine.place} is another: {'; '.join(differing)}"
            )
        return name

    def claim(
        self, key: TrialKey, worker: str, *, retry_failed: bool = False
    ) -> Claim | Done | Taken:
        """Take a trial to run, unless it is done or another's.

        Args:
            worker: who asks, for people to read.
            retry_failed: take a failed trial as well.
        Returns: a claim where it is now the worker's, and no other live worker's.
        """
        claim = Claim(key, worker, uuid.uuid4().hex)
        now = self._engine.now
        held: dict[str, Any] = {"state": "claimed", "worker": worker, "token": claim.token}
        held |= {"claimed": now, "heartbeat": now, "attempts": 1}
        with self._engine.writing() as connection:
            new = {"id": key.id, **dataclasses.asdict(key), **held}
            if _insert_new(connection, TRIAL, new):
                return claim
            free = and_(TRIAL.c.state == "claimed", TRIAL.c.heartbeat < now - self._lease)
            if retry_failed:
                free = or_(free, TRIAL.c.state == "failed")
            again = {**held, "attempts": TRIAL.c.attempts + 1}
            taken = TRIAL.update().where(TRIAL.c.id == key.id, free).values(again)
            if connection.execute(taken).rowcount:
                return claim
            silent = (now - TRIAL.c.heartbeat).label("silent")
            row = connection.execute(select(TRIAL, silent).where(TRIAL.c.id == key.id)).one()
            if row.state == "claimed" and self._seen.silence(key.id, row.heartbeat) > self._lease:
                # Its heartbeat lies in the future of a clock that was moved back.
                same = and_(TRIAL.c.state == "claimed", TRIAL.c.heartbeat == row.heartbeat)
                dead = TRIAL.update().where(TRIAL.c.id == key.id, same).values(again)
                if connection.execute(dead).rowcount:
                    return claim
        if row.state == "claimed":
            return Taken(key, row.worker, row.silent)
        return done(row._mapping)

    def beat(self, claim: Claim) -> bool:
        """Say that the worker lives; return whether the claim is still its own."""
        return self._change(claim, heartbeat=self._engine.now)

    @contextlib.contextmanager
    def holding(self, claim: Claim) -> Iterator[threading.Event]:
        """Beat from a thread while a trial runs; yields an event, set where the claim is lost."""
        with beating(lambda: self.beat(claim), self._lease / 4) as lost:
            yield lost

    def finish(
        self,
        claim: Claim,
        validation: Mapping[str, Sequence[float]],
        seconds: Mapping[str, float],
        test: Mapping[str, Sequence[float]] | None = None,
    ) -> bool:
        """Keep a trial's result; return False where the claim was lost, and nothing is kept.

        Args:
            validation: name of a metric to its value after each epoch.
            seconds: name of a phase to wall time.
            test: the same as `validation` on the test split; only `reveal` returns it.
        Raises: ConfigError: there are no values, or more than epochs.
        """
        check_metrics("validation", validation, claim.key.epochs)
        check_metrics("test", test or {}, claim.key.epochs)
        result = {"validation": to_json(validation), "seconds": json.dumps(dict(seconds))}
        with self._engine.writing() as connection:
            kept = self._end(connection, claim, "done", error_type=None, error=None, **result)
            if kept and test is not None:
                row = {"id": claim.key.id, "metrics": to_json(test)}
                connection.execute(TEST.insert().values(row))
        return kept

    def fail(self, claim: Claim, error: BaseException) -> bool:
        """Keep why a trial failed, without passwords; return False where the claim was lost."""
        text = redact(str(error)).replace("\0", "").encode(errors="replace").decode()
        with self._engine.writing() as connection:
            return self._end(
                connection, claim, "failed", error_type=type(error).__name__, error=text
            )

    def release(self, claim: Claim) -> bool:
        """Give up a claim, for others to take at once; return False where it was lost."""
        return self._change(claim, heartbeat=0.0, token="")

    def result(self, key: TrialKey) -> Done | None:
        """Return how a trial ended; None where it has not."""
        with self._engine.reading() as connection:
            row = connection.execute(select(TRIAL).where(TRIAL.c.id == key.id)).one_or_none()
        return None if row is None or row.state == "claimed" else done(row._mapping)

    def results(self, database: str, task: str, settings: str) -> dict[TrialKey, Done]:
        """Return all trials that ended, of one database, task and settings."""
        wanted = select(TRIAL).where(
            TRIAL.c.database == database,
            TRIAL.c.task == task,
            TRIAL.c.settings == settings,
            TRIAL.c.state != "claimed",
        )
        with self._engine.reading() as connection:
            found = [done(row._mapping) for row in connection.execute(wanted)]
        return {trial.key: trial for trial in found}

    def reveal(self, key: TrialKey) -> Metrics:
        """Return a trial's test metrics after each epoch: once, of the chosen model, at the end.

        Raises: CacheError: the store has none.
        """
        with self._engine.reading() as connection:
            found = connection.execute(select(TEST.c.metrics).where(TEST.c.id == key.id)).scalar()
        if found is None:
            raise CacheError(f"store {self._engine.place} has no test metrics of {key}")
        return from_json(found)

    def frame(self) -> pd.DataFrame:
        """Return a row per trial, in the order they were claimed; no test metrics.

        Times are UTC; `validation.<metric>` holds lists of a value per epoch, `seconds.<phase>`
        numbers.
        """
        with self._engine.reading() as connection:
            rows = connection.execute(select(TRIAL).order_by(TRIAL.c.claimed, TRIAL.c.id)).all()
        return rows_frame(row._mapping for row in rows)

    def _change(self, claim: Claim, **values: Any) -> bool:
        with self._engine.writing() as connection:
            return _update_held(connection, claim, values)

    def _end(self, connection: Connection, claim: Claim, state: str, **values: Any) -> bool:
        values |= {"state": state, "finished": self._engine.now}
        return _update_held(connection, claim, values)


def _update_held(connection: Connection, claim: Claim, values: Mapping[str, Any]) -> bool:
    """Change a trial's row where the claim still holds; return whether it does."""
    mine = and_(
        TRIAL.c.id == claim.key.id, TRIAL.c.token == claim.token, TRIAL.c.state == "claimed"
    )
    return connection.execute(TRIAL.update().where(mine).values(values)).rowcount == 1


def _insert_new(connection: Connection, table: Any, values: Mapping[str, Any]) -> bool:
    """Insert a row unless one of its key is there; return whether it was inserted."""
    insert = _INSERT[connection.dialect.name](table).values(values)
    inserted = insert.on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(inserted).first() is not None
