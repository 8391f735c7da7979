"""Work done ahead of its consumer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetched(
    task: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Generator[Result, None, None]:
    """Yield `task(item)` for each item in order, up to `workers` results ahead.

    An exception of the task is raised where its result would have come. When the generator ends
    or is closed, what has not begun is dropped and its threads have ended.

    Args:
        workers: threads; 0 does the work in the consumer's.
    """
    if workers == 0:
        yield from map(task, items)
        return
    rest = iter(items)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="hgl-prefetch")
    try:
        ahead: deque[Future[Result]] = deque(
            pool.submit(task, item) for item in islice(rest, workers)
        )
        while ahead:
            result = ahead.popleft().result()
            ahead.extend(pool.submit(task, item) for item in islice(rest, 1))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
