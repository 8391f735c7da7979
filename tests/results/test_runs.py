"""Rows worked out by hand."""

from __future__ import annotations

import math

import pytest

from hgl.results.runs import Runs
from tests.results.made import record


def test_means_are_over_the_seeds_that_are_done() -> None:
    seeds = [
        record(0.6, seed=0),
        record(0.8, seed=1, interval={"test": (0.7, 0.9)}, seconds=20.0, peak_bytes=5.0),
        record(seed=2, status="timeout", metrics={}, interval={}, seconds=99.0, peak_bytes=2**31),
    ]
    runs = Runs.among(seeds, seeds)
    test = runs.score("test")
    assert (test.mean, test.std) == pytest.approx((0.7, math.sqrt(0.02)))
    assert (test.low, test.high) == pytest.approx((0.65, 0.85))
    # t(0.975, 1) = 12.7062, sd sqrt 0.02, sqrt 2
    assert test.over_seeds == pytest.approx((0.7 - 1.27062, 0.7 + 1.27062), abs=1e-4)
    assert (runs.seeds, len(runs.failed), runs.seconds) == ((0, 1), 1, 40.0)
    assert runs.peak_bytes == 2**31


def test_what_one_seed_lacks_is_not_known_of_all() -> None:
    seeds = [record(0.6), record(0.8, seed=1, interval={"test": None})]
    assert math.isnan(Runs.among(seeds, seeds).score("test").low)
    undefined = [record(0.6), record(math.nan, seed=1)]
    assert math.isnan(Runs.among(undefined, undefined).score("test").mean)


def test_of_nothing_nothing_is_known() -> None:
    test = Runs().score("test")
    ends = test.over_seeds
    assert all(map(math.isnan, (test.mean, test.std, test.low, *ends, Runs().seconds)))
    assert math.isnan(Runs().peak_bytes)
    assert all(map(math.isnan, Runs.among([record()], []).score("test").over_seeds))


def test_twins_say_the_same_of_the_same_questions() -> None:
    everyone = [
        record(model="a"),
        record(model="a", seed=1),
        record(model="b"),
        record(model="c", predictions={"test": "other"}),
        record(model="d", predictions={}),
        record(model="e", policy="frozen"),
        record(model="f", data="another"),
    ]
    twins = {r.model: Runs.among([r], everyone).twins for r in everyone}
    assert twins == {"a": ("b",), "b": ("a",), "c": (), "d": (), "e": (), "f": ()}
