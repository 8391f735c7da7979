"""A few threads, a bounded queue before them, and no for everybody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from hgl.export.refusal import Refusal

T = TypeVar("T")


class Gate:
    """Run blocking calls beside an event loop.

    A call that nobody waits for any more keeps its place until it ends: a thread cannot be
    stopped, and a database that hangs must not be asked by ever more of them.

    Args:
        workers: calls at once.
        queue: calls that may wait.
    """

    def __init__(self, workers: int, queue: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="hgl-serve")
        self._most = workers + queue
        self._inside = 0
        self._lock = threading.Lock()

    async def run(self, call: Callable[[], T]) -> T:
        """Return what `call` returns. Raises: Refusal: the queue is full."""
        with self._lock:
            if self._inside >= self._most:
                raise Refusal(503, "busy: try again later")
            self._inside += 1
        future = self._threads.submit(call)
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Start nothing more; what runs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _leave(self, _: Future[T]) -> None:
        with self._lock:
            self._inside -= 1
