"""When a value holds."""

from __future__ import annotations

from hgl.bench.reproduce import Verdict
from tests.results.made import RECORD, record


def test_a_value_holds_within_the_interval_ends_included() -> None:
    assert Verdict(RECORD, record(0.6)).holds
    assert Verdict(RECORD, record(0.8)).holds
    assert not Verdict(RECORD, record(0.81)).holds
    assert "NOT within" in "\n".join(Verdict(RECORD, record(0.5)).lines())


def test_without_an_interval_only_the_same_value_holds() -> None:
    before = record(0.7, interval={"test": None})
    assert Verdict(before, record(0.7)).holds
    assert not Verdict(before, record(0.7001)).holds
    undefined = record(float("nan"), interval={"test": None})
    assert not Verdict(undefined, undefined).holds


def test_what_differs_is_named() -> None:
    found = Verdict(RECORD, record(code="x", data="y"))
    assert found.differences == ["database", "code"]
    assert "what differs from then: database, code" in found.lines()


def test_a_second_run_that_fails_does_not_hold() -> None:
    lost = record(status="failed", error="it broke", metrics={})
    assert not Verdict(RECORD, lost).holds
    assert "it broke" in Verdict(RECORD, lost).lines()[0]
