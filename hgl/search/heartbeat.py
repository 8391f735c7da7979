"""Signs of life: given from a thread while a trial runs, and looked for by others."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator

from hgl.errors import HglError

log = logging.getLogger(__name__)


class Sightings:
    """How long others have been silent, by a clock that nobody sets.

    Signs of life have times, but of clocks that may be moved back: then one of the dead lies in the
    future, and looks fresh until the clock has caught up.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, float]] = {}

    def silence(self, name: str, sign: float) -> float:
        """Return for how many seconds the last sign of `name` was seen to be `sign`."""
        known, since = self._seen.get(name, (None, 0.0))
        if known != sign:
            since = time.monotonic()
            self._seen[name] = sign, since
        return time.monotonic() - since


@contextlib.contextmanager
def beating(beat: Callable[[], bool], every: float) -> Iterator[threading.Event]:
    """Call `beat` every so many seconds; yields an event that is set once it returns False.

    A beat that raises an HglError is logged, and the next one tried: a server may come back.
    """
    stopped, lost = threading.Event(), threading.Event()

    def run() -> None:
        while not stopped.wait(every):
            try:
                if not beat():
                    lost.set()
                    return
            except HglError as error:
                log.warning("heartbeat missed: %s", error)

    thread = threading.Thread(target=run, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        stopped.set()
        thread.join()
