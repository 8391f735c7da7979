from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from hgl.graph.prefetch import prefetched


@pytest.fixture(autouse=True)
def _no_thread_survives() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_order(workers: int) -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.02 if item == 0 else 0)
        return item * item

    assert list(prefetched(slow_first, range(7), workers)) == [i * i for i in range(7)]
    assert list(prefetched(slow_first, [], workers)) == []


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_an_error_comes_where_its_result_would(workers: int) -> None:
    results = prefetched(lambda item: 1 / (3 - item), range(6), workers)
    assert [next(results) for _ in range(3)] == [1 / 3, 1 / 2, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize("workers", [1, 2])
def test_work_stays_a_bounded_way_ahead_and_ends_with_its_consumer(workers: int) -> None:
    begun: list[int] = []
    results = prefetched(begun.append, range(100), workers)
    next(results)
    time.sleep(0.05)
    assert len(begun) <= workers + 2
    results.close()
    count = len(begun)
    time.sleep(0.02)
    assert len(begun) == count
