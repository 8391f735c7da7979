"""`hgl report`."""

from __future__ import annotations

import glob
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from hgl.commands.newest import newest
from hgl.errors import CacheError, ConfigError
from hgl.report.page import gather, read_runs, read_store, write_report
from hgl.report.page.gap import Gap
from hgl.report.screen import Screen, plain_console
from hgl.results.record import Record

_RUN = "run.yaml"


def report(*, runs: str | None, store: str | None, out: str, explain: bool, open: bool) -> None:
    """Write one HTML page about results: leaderboards, curves, calibration, cost, schema, records.

    The page needs no network. The leaderboards come as Markdown and CSV beside it, too.

    Args:
        runs: folders that hgl train left, with commas between them; each may be a pattern such as
            outputs/flights-plane-late/*.
        store: folder that hgl bench left; where neither is given, the newest one under outputs/,
            else the newest run there.
        out: the page, ending in .html; what is there is replaced.
        explain: also restore one model of each kind and task and show which tables, columns and
            relations its predictions lean on; takes some seconds each.
        open: show the page in the browser.
    Examples:
        hgl report
        hgl report runs=outputs/flights-plane-late/*
        hgl report store=outputs/bench/2026-11-24_09-30-00 out=results.html
    Raises: HglError: nothing is there to report, or the page cannot be written.
    """
    path = _page(out)
    with Screen() as screen:
        screen.say("reading …")
        name, records, gaps = _found(runs, store)
        _check_any(name, records, gaps)
        explaining = None
        if explain:
            from hgl.commands.explaining import explain_group

            explaining = explain_group
        material = gather(name, records, gaps, explaining)
        files = write_report(material, path)
    for gap in material.gaps:
        plain_console().print(str(gap), soft_wrap=True)
    plain_console().print(f"the report is {', '.join(map(str, files))}", soft_wrap=True)
    if open:
        webbrowser.open(path.absolute().as_uri())


def _page(out: str) -> Path:
    path = Path(out)
    if path.suffix.lower() not in (".html", ".htm") or path.is_dir():
        raise ConfigError(f"out={out!r}: expected a file that ends in .html")
    return path


def _found(runs: str | None, store: str | None) -> tuple[str, list[Record], list[Gap]]:
    if runs is not None and store is not None:
        raise ConfigError("runs and store are both given: expected one of them")
    if runs is not None:
        return _named(_folders(runs))
    if store is not None:
        return _stored(Path(store))
    bench = newest("*/*/records/*.json", 2)
    if bench is None:
        run = newest(f"*/*/{_RUN}", 1)
        if run is None:
            raise ConfigError(
                "store=null, runs=null: neither hgl bench nor hgl train has left anything under "
                "outputs/; expected store=<folder> or runs=<folders>"
            )
        return _named([run])
    return _stored(bench)


def _stored(place: Path) -> tuple[str, list[Record], list[Gap]]:
    records, gaps = read_store(place)
    return place.absolute().name, records, gaps


def _named(folders: Sequence[Path]) -> tuple[str, list[Record], list[Gap]]:
    name = folders[0].name if len(folders) == 1 else f"{len(folders)} runs"
    records, gaps = read_runs(folders)
    return name, records, gaps


def _folders(runs: str) -> list[Path]:
    """The folders that a list names. Raises: ConfigError: a part names none."""
    found: dict[Path, None] = {}
    for part in runs.split(","):
        named = [Path(part)] if Path(part).exists() else map(Path, sorted(glob.glob(part)))
        kept = [folder for folder in named if (folder / _RUN).is_file()]
        if not kept:
            raise ConfigError(f"runs={runs!r}: {part!r} is no folder that hgl train left")
        found |= dict.fromkeys(kept)
    return list(found)


def _check_any(name: str, records: Sequence[Record], gaps: Sequence[Gap]) -> None:
    if any(record.done for record in records):
        return
    failed = [f"{r.id} is {r.status}" + (f": {r.error}" if r.error else "") for r in records]
    reasons = [*failed, *map(str, gaps)]
    raise CacheError(
        f"{name}: nothing to report, none of {len(reasons)} is done; the first: {reasons[0]}"
    )
