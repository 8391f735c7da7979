"""A store keeps what trials gave, to everyone the same, and hides the test split."""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path
from typing import Any

import pytest

from hgl.errors import CacheError, ConfigError, TrainingError
from hgl.search.heartbeat import beating
from hgl.search.store import TrialStore
from hgl.search.trial_record import Claim, Done, Failure, SearchIdentity, Taken, TrialKey
from tests.search.store_worker import key


def claimed(store: TrialStore, trial: TrialKey, **options: Any) -> Claim:
    found = store.claim(trial, "me", **options)
    assert isinstance(found, Claim)
    return found


def test_a_trial_is_claimed_once_and_answered_ever_after(where: str) -> None:
    first, second = TrialStore(where), TrialStore(where)
    claim = claimed(first, key(0))
    taken = second.claim(key(0), "you")
    assert isinstance(taken, Taken)
    assert taken.worker == "me"
    assert 0 <= taken.silent < 60
    assert second.result(key(0)) is None
    assert first.finish(claim, {"mae": [0.5, math.nan]}, {"train": 1.5, "validate": 0.25})
    done = second.claim(key(0), "you")
    assert isinstance(done, Done)
    assert (done.key, done.failure) == (key(0), None)
    assert done.validation["mae"] == pytest.approx((0.5, math.nan), nan_ok=True)
    assert done.seconds == {"train": 1.5, "validate": 0.25}
    assert not first.finish(claim, {"mae": [0.1]}, {})
    assert second.result(key(0)).validation["mae"][0] == 0.5  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("field", "value"),
    [("database", "b"), ("task", "b"), ("bits", "0100"), ("num_hops", 3), ("settings", "b"),
     ("seed", 1), ("epochs", 9)],
)  # fmt: skip
def test_whatever_differs_is_another_trial(field: str, value: Any, tmp_path: Path) -> None:
    store = TrialStore(tmp_path / "store.db")
    store.finish(claimed(store, key(0)), {"mae": [0.5]}, {})
    other = dataclasses.replace(key(0), **{field: value})
    assert store.result(other) is None
    store.finish(claimed(store, other), {"mae": [0.25]}, {})
    found = {**store.results("data", "task", "settings"), **store.results("b", "task", "settings")}
    found |= {**store.results("data", "b", "settings"), **store.results("data", "task", "b")}
    assert {trial: done.validation["mae"] for trial, done in found.items()} == {
        key(0): (0.5,),
        other: (0.25,),
    }


def test_a_failure_is_kept_and_retried_only_when_asked(where: str) -> None:
    store = TrialStore(where)
    store.fail(claimed(store, key(0)), TrainingError("loss is nan\0 at postgresql://me:pw@host/d"))
    done = store.claim(key(0), "you")
    assert isinstance(done, Done)
    text = "loss is nan at postgresql://me:***@host/d"
    assert done.failure == Failure("TrainingError", text)
    assert store.results("data", "task", "settings") == {key(0): done}
    assert store.frame()["error"].tolist() == [text]
    store.finish(claimed(store, key(0), retry_failed=True), {"mae": [0.5]}, {})
    again = store.claim(key(0), "you", retry_failed=True)
    assert isinstance(again, Done)
    assert again.failure is None
    assert store.frame()[["attempts", "state", "error"]].values.tolist() == [[2, "done", None]]


def test_a_silent_worker_loses_its_claim_and_what_it_reports_later(where: str) -> None:
    store = TrialStore(where, lease=1)
    dead = claimed(store, key(0))
    assert isinstance(store.claim(key(0), "you"), Taken)
    time.sleep(1.2)
    heir = store.claim(key(0), "you")
    assert isinstance(heir, Claim)
    assert not store.beat(dead)
    assert not store.finish(dead, {"mae": [0.1]}, {}, {"mae": [0.1]})
    assert not store.fail(dead, ValueError())
    assert not store.release(dead)
    assert store.finish(heir, {"mae": [0.9]}, {})
    assert store.results("data", "task", "settings")[key(0)].validation == {"mae": (0.9,)}


def test_a_beating_heart_keeps_a_claim(where: str) -> None:
    store = TrialStore(where, lease=1.5)
    claim = claimed(store, key(0))
    with store.holding(claim) as lost:
        for _ in range(20):
            time.sleep(0.1)
            assert isinstance(store.claim(key(0), "you"), Taken)
        assert not lost.is_set()
        store.release(claim)
        assert lost.wait(60)
        assert isinstance(store.claim(key(0), "you"), Claim)


def test_a_released_claim_is_free_at_once(where: str) -> None:
    store = TrialStore(where)
    assert store.release(claimed(store, key(0)))
    assert isinstance(store.claim(key(0), "you"), Claim)


def test_a_missed_beat_is_logged_and_the_next_one_tried(caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([CacheError("gone"), True, False])

    def beat() -> bool:
        answer = next(answers)
        if isinstance(answer, CacheError):
            raise answer
        return answer

    with beating(beat, 0.01) as lost:
        assert lost.wait(10)
    assert caplog.messages == ["heartbeat missed: gone"]


def test_only_reveal_returns_the_test_split(where: str) -> None:
    store, secret = TrialStore(where), 0.123456789
    store.finish(claimed(store, key(0)), {"mae": [0.5]}, {}, {"mae": [secret, math.nan]})
    store.finish(claimed(store, key(1)), {"mae": [0.5]}, {})
    told = [store.claim(key(0), "me"), store.result(key(0)), store.frame().to_dict()]
    told.append(store.results("data", "task", "settings"))
    assert str(secret) not in str(told)
    assert store.reveal(key(0))["mae"] == pytest.approx((secret, math.nan), nan_ok=True)
    for unknown in (key(1), key(2)):
        with pytest.raises(CacheError, match="has no test metrics of TrialKey"):
            store.reveal(unknown)


def test_frame_has_a_row_per_trial(where: str) -> None:
    store, now = TrialStore(where), time.time()
    assert len(store.frame()) == 0
    store.finish(claimed(store, key(1)), {"mae": [0.5, 0.25], "r2": [0.1]}, {"train": 2.0})
    store.fail(claimed(store, key(0)), ValueError("no"))
    claimed(store, key(2))
    frame = store.frame()
    assert frame["seed"].tolist() == [1, 0, 2]
    assert frame["state"].tolist() == ["done", "failed", "claimed"]
    assert frame["worker"].tolist() == ["me"] * 3
    assert frame["validation.mae"][0] == [0.5, 0.25]
    assert frame["seconds.train"][0] == 2
    assert frame["finished"].notna().tolist() == [True, True, False]
    assert frame["error_type"].tolist()[1] == "ValueError"
    for column in ("claimed", "heartbeat"):
        assert abs(frame[column].iloc[0].timestamp() - now) < 60


def test_what_no_trial_can_be(tmp_path: Path) -> None:
    store = TrialStore(tmp_path / "store.db")
    for wrong, message in [
        ({"bits": "01x"}, "bits='01x': expected 0 and 1"),
        ({"epochs": 0}, "epochs=0: expected at least 1"),
        ({"num_hops": 0}, "num_hops=0: expected at least 1"),
    ]:
        with pytest.raises(ConfigError, match=message):
            dataclasses.replace(key(0), **wrong)  # type: ignore[arg-type]
    claim = claimed(store, key(0))
    with pytest.raises(ConfigError, match=r"validation\['mae'\] has 3 values: .* 1 to 2"):
        store.finish(claim, {"mae": [1, 2, 3]}, {})
    with pytest.raises(ConfigError, match=r"test\['mae'\] has 0 values"):
        store.finish(claim, {"mae": [1]}, {}, {"mae": []})
    with pytest.raises(ConfigError, match="lease=0: expected at least"):
        TrialStore(tmp_path / "store.db", lease=0)


SEARCH = SearchIdentity("data", "task", "users, 2 hops", "settings", "2x1 6x3", "mae")


def test_a_search_is_continued(where: str) -> None:
    store = TrialStore(where)
    name = store.open_search(SEARCH)
    assert TrialStore(where).open_search(SEARCH) == name == SEARCH.id
    other = dataclasses.replace(SEARCH, database="other")
    assert store.open_search(other) != name
    assert store.open_search(other, "mine") == store.open_search(other, "mine") == "mine"


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(SEARCH)])
def test_another_search_of_the_same_name_is_refused(field: str, where: str) -> None:
    TrialStore(where).open_search(SEARCH, "mine")
    own = getattr(SEARCH, field)
    message = f"search 'mine' in store .* is another: {field}='{own}', expected 'new'$"
    with pytest.raises(CacheError, match=message):
        TrialStore(where).open_search(dataclasses.replace(SEARCH, **{field: "new"}), "mine")
    TrialStore(where).open_search(SEARCH, "mine")
