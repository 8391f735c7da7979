"""The folder of a benchmark: records, claims, runs and logs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from hgl.bench.claim import Claim, claim
from hgl.errors import CacheError, ConfigError, SourceError
from hgl.results.record import Record
from hgl.results.store import RECORDS, read_records
from hgl.search.heartbeat import Sightings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Store:
    """Records by id; several processes may share one. Reading makes no folder."""

    folder: Path
    _seen: Sightings = field(default_factory=Sightings, init=False, repr=False, compare=False)

    def make(self) -> None:
        """Make its folders. Raises: ConfigError: they cannot be written, or one is a file."""
        try:
            for part in (self.records, self.claims, self.runs):
                part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            where = str(self.folder)
            raise ConfigError(
                f"store={where!r}: expected a folder that can be written ({error.strerror})"
            ) from None

    @property
    def records(self) -> Path:
        """One JSON file per run."""
        return self.folder / RECORDS

    @property
    def claims(self) -> Path:
        """What is being run."""
        return self.folder / "claims"

    @property
    def runs(self) -> Path:
        """What `hgl train` left, and beside each folder its log."""
        return self.folder / "runs"

    def get(self, name: str) -> Record | None:
        """Return the record of this id; None where there is none, or a damaged one."""
        path = self.records / f"{name}.json"
        if not path.exists():
            return None
        try:
            return Record.read(path)
        except CacheError as error:
            log.warning("%s; it is run again", error)
            return None

    def all(self) -> list[Record]:
        """Return every whole record, by id."""
        records, _ = read_records(self.folder)
        return records

    def put(self, record: Record) -> None:
        """Keep a record. Raises: SourceError: it cannot be written."""
        try:
            self.records.mkdir(parents=True, exist_ok=True)
            record.write(self.records)
        except OSError as error:
            where = str(self.records)
            raise SourceError(f"{where!r} cannot be written: {error.strerror}") from None

    def claim(self, name: str) -> Claim | None:
        """Take a run; None where somebody alive has it."""
        return claim(self.claims, name, seen=self._seen)

    def new_run(self, name: str) -> Path:
        """Make a folder for a run that nobody else writes to, not even a run left alone."""
        for attempt in count(1):
            folder = self.runs / f"{name}-{attempt}"
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as error:
                where = str(folder)
                raise SourceError(f"{where!r} cannot be made: {error.strerror}") from None
            return folder
        raise AssertionError
