"""What a service takes on before it says no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from hgl.errors import ConfigError, check_range

Stale = Literal["warn", "refuse"]


@dataclass(frozen=True)
class Limits:
    """Limits of a service.

    Attributes:
        rows: most rows of one request.
        body: most bytes of one request.
        workers: requests worked on at once, each in a thread of its own.
        queue: requests that may wait for a worker; the next one is answered 503.
        timeout: seconds until a request that is not done is answered 503.
        stale: what becomes of rows too long after the cut-off: a warning or a refusal.
        max_staleness: how long that is, in seconds; None: as the artefact says.

    Raises: ConfigError: one is out of range.
    """

    rows: int = 1000
    body: int = 1 << 20
    workers: int = 4
    queue: int = 64
    timeout: float = 10.0
    stale: Stale = "warn"
    max_staleness: int | None = None

    def __post_init__(self) -> None:
        for name in ("rows", "body", "workers"):
            check_range(name, getattr(self, name), 1)
        check_range("queue", self.queue, 0)
        check_range("timeout", self.timeout, 0.001)
        check_range("max_staleness", self.max_staleness, 1)
        if self.stale not in get_args(Stale):
            raise ConfigError(f"stale={self.stale!r}: expected one of {', '.join(get_args(Stale))}")
