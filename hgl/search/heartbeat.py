"""A sign of life, given from a thread while a trial runs."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

from hgl.errors import HglError

log = logging.getLogger(__name__)


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
