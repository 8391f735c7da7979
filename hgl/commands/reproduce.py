"""`hgl reproduce`."""

from __future__ import annotations

import dataclasses
import os
import threading
from pathlib import Path

from hgl.bench.cell import Cell
from hgl.bench.measure import Bench
from hgl.bench.process import Limits
from hgl.bench.reproduce import Verdict
from hgl.bench.store import Store
from hgl.commands.bench_source import bench_question, bench_source, task_word
from hgl.db.redact import HIDDEN
from hgl.errors import ConfigError
from hgl.report.screen import Screen, plain_console
from hgl.results.record import Record
from hgl.results.store import RECORDS

_GIVEN = {"policy", "cut", "trainer.seed", "baselines"}
"""Words that every cell has of its own."""


def reproduce(*, id: str, store: str | None, db: str | None, out: str | None) -> int:
    """Run a record of hgl bench again, and say whether its value holds.

    The value holds where it lies within the 95 % interval of the record's own (entities resampled),
    or equals it. What differs from then is said: database, labels, code, libraries, threads. It
    computes with as many threads as the record did, where that is known.

    Args:
        id: of the record, or the beginning of one.
        store: folder of the records; null looks in every folder under outputs/bench.
        db: the database, where it has moved or its password was not kept.
        out: store that the second run is kept in; null makes outputs/again/<suite>.
    Examples:
        hgl reproduce 3f09a1c2
        hgl reproduce 3f09a1c2 store=outputs/bench/flights
    Returns: 0 where the value holds, else 1.
    Raises: HglError: there is no such record, or it has no result.
    """
    record = _find(id, store)
    if not record.done:
        raise ConfigError(
            f"id={record.id!r} is {record.status} ({record.error}): there is no value to compare; "
            "hgl bench retry=true runs it again"
        )
    again = Store(Path(out or Path("outputs", "again", record.suite)))
    again.make()
    with Screen() as screen:
        cell = _cell(record, db, screen)
        bar = screen.bar(cell.name, None)
        bench = Bench(Limits(), record.threads or os.cpu_count() or 1)
        folder = again.new_run(record.id)
        now = bench.run(cell, folder, again.folder, threading.Event())
        screen.bars.remove_task(bar)
    assert now is not None
    now = dataclasses.replace(now, id=record.id, tuning=record.tuning)
    again.put(now)
    verdict, console = Verdict(record, now), plain_console()
    for line in verdict.lines():
        console.print(line, soft_wrap=True)
    console.print(f"the second run is in {folder}", soft_wrap=True)
    return 0 if verdict.holds else 1


def _find(name: str, store: str | None) -> Record:
    homes = Path("outputs", "bench").glob("*") if store is None else [Path(store)]
    found = [file for home in homes for file in sorted((home / RECORDS).glob("*.json"))]
    hits = [file for file in found if name and file.stem.startswith(name)]
    if len(hits) != 1:
        where = store or "outputs/bench/*"
        several = f"{len(hits)} records begin with it" if hits else "no record begins with it"
        raise ConfigError(f"id={name!r}: {several} in {where}; expected one of {len(found)}")
    return Record.read(hits[0])


def _cell(record: Record, db: str | None, screen: Screen) -> Cell:
    """The words of a record, on the database as it is now."""
    said = dict(word.partition("=")[::2] for word in record.words[:2])
    word = db or said["db"]
    if HIDDEN in word:
        raise ConfigError(
            f"id={record.id!r} was made from {word}, whose password is not kept: give the database "
            "again with db=<url>"
        )
    moved = said["task"] if db is None else task_word(db, record.task)
    named = said["task"] if moved == record.task else moved
    source, opened = bench_source(word, screen)
    return Cell(
        suite=record.suite,
        source=dataclasses.replace(source, word=said["db"]),
        question=bench_question(record.task, named, opened),
        contender=record.model,
        policy=record.policy,
        cut=record.cut,
        seed=record.seed,
        words=tuple(w for w in record.words[2:] if w.partition("=")[0] not in _GIVEN),
    )
