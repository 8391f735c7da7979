"""`hgl serve`."""

from __future__ import annotations

from pathlib import Path

from hgl.commands.live import features_for
from hgl.commands.newest import ARTEFACT, latest
from hgl.errors import check_range
from hgl.export.artefact import MANIFEST, Artefact
from hgl.export.limits import Limits
from hgl.report.screen import Screen, TableBars


def newest_artefact() -> Path:
    """Return the newest one under `outputs/`. Raises: ConfigError: there is none."""
    return latest("artefact", "distill", f"{ARTEFACT}/{MANIFEST}") / ARTEFACT


def serve(*, artefact: str | None, db: str | None, host: str, port: int, limits: Limits) -> None:
    """Answer over HTTP with an exported student: POST /predict, GET /schema, /health, /metrics.

    The columns of each row asked about are read from the database at that moment.

    Args:
        artefact: folder that hgl export or hgl distill wrote; null takes the newest one that hgl
            distill left under outputs/.
        db: the database; null takes the one that the student was made from.
        host: address to bind; the default is reached from this machine only.
        port: to bind; 0 takes a free one.
        limits: what is taken on before the answer is no.
    Examples:
        hgl serve
        hgl serve artefact=late db=postgresql://user@host/shop port=9000
        hgl serve limits.rows=100 limits.stale=refuse limits.max_staleness=2592000
    Raises: HglError: the artefact cannot be read, or the database is not what it was made for.
    """
    from hgl.export.service import run_service, service

    check_range("port", port, 0, 65535)
    with Screen() as screen:
        student = Artefact.read(newest_artefact() if artefact is None else Path(artefact))
        features = features_for(student, db, progress=TableBars(screen))
        app = service(student, features, limits=limits)
        manifest = student.manifest
        run_service(
            app,
            host,
            port,
            started=lambda url: screen.say(
                f"{manifest.task.name} ({manifest.tier}, {student.folder}) at {url}; {url}/docs"
            ),
        )
