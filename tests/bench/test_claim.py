"""Only one holds a claim, and the dead hold none."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hgl.bench.claim import LEASE, claim
from hgl.search.heartbeat import Sightings


def aged(path: Path) -> None:
    then = time.time() - 2 * LEASE
    os.utime(path, (then, then))


def test_of_many_that_ask_at_once_one_gets_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: claim(tmp_path, "a"), range(64)))
    assert sum(made is not None for made in found) == 1


def test_a_claim_that_is_given_back_is_free(tmp_path: Path) -> None:
    made = claim(tmp_path, "a")
    assert made is not None
    assert claim(tmp_path, "a") is None
    assert claim(tmp_path, "b") is not None
    with made.held():
        assert made.beat()
    assert claim(tmp_path, "a") is not None


def test_a_dead_owner_is_followed_by_one_and_keeps_nothing(tmp_path: Path) -> None:
    dead = claim(tmp_path, "a")
    assert dead is not None
    aged(dead.path)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: claim(tmp_path, "a"), range(64)))
    heirs = [made for made in found if made is not None]
    assert len(heirs) == 1
    assert not dead.beat()
    assert heirs[0].beat()


def test_a_sign_of_life_keeps_a_claim(tmp_path: Path) -> None:
    made = claim(tmp_path, "a")
    assert made is not None
    aged(made.path)
    assert made.beat()
    assert claim(tmp_path, "a") is None


def test_the_dead_of_a_time_to_come_are_dead_once_watched(tmp_path: Path) -> None:
    """Their clock was moved back after their last sign of life."""
    dead, seen = claim(tmp_path, "a"), Sightings()
    assert dead is not None
    os.utime(dead.path, (time.time() + 86400,) * 2)
    assert claim(tmp_path, "a", lease=0.2, seen=seen) is None
    time.sleep(0.3)
    os.utime(dead.path, (time.time() + 86400,) * 2)  # it lives, after all
    assert claim(tmp_path, "a", lease=0.2, seen=seen) is None
    time.sleep(0.3)
    assert claim(tmp_path, "a", lease=0.2, seen=seen) is not None
    assert not dead.beat()
