"""How many cases a surface gets, how long one may take, and what may come of it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings

from hgl.errors import HglError

T = TypeVar("T")

CASES = int(os.environ.get("HGL_FUZZ_CASES", "1000"))
"""Of a surface; `benchmarks/fuzz.py` asks for more."""
SECONDS = 60.0
"""After which one case counts as a hang; cases take milliseconds, machines may be busy."""
_LINES, _LONGEST = 6, 4000
"""Of a message: one line, a marked place in SQL, and what was written there."""

seen = 0
"""Cases so far, for who counts them."""


def fuzz(share: float = 1.0) -> settings:
    """Return settings under which a property sees its share of the surface's cases."""
    return settings(
        max_examples=max(1, round(CASES * share)),
        derandomize="HGL_FUZZ_CASES" not in os.environ,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def outcome(call: Callable[[], T], *, cases: int = 1) -> T | HglError:
    """Return what `call` returns, or its refusal, after a look at the refusal's message.

    Anything else that it raises, or that it does not end, fails the test.

    Args:
        cases: generated cases that this one call covers.
    """
    global seen
    seen += cases
    try:
        with _ended():
            return call()
    except HglError as error:
        check_message(str(error))
        return error


def check_message(text: str) -> None:
    """Check that a refusal says something, in few lines, and is no trace."""
    assert text.strip()
    assert "Traceback" not in text
    assert text.count("\n") < _LINES, text
    assert len(text) < _LONGEST, text


@contextlib.contextmanager
def _ended() -> Iterator[None]:
    """Fail where the block does not end in time."""

    def hung(_: int, frame: FrameType | None) -> Any:
        raise AssertionError(f"a case hangs: not done in {SECONDS:g} s")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, hung)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
