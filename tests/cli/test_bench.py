"""A benchmark as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from hgl.cli import main
from hgl.results.record import Record
from tests.cli.shop import failure, source, suite_of_one_task


@pytest.fixture(scope="module")
def words(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return suite_of_one_task(shop, tmp_path_factory.mktemp("conf"))


@pytest.fixture(scope="module")
def store(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished benchmark."""
    folder = tmp_path_factory.mktemp("store")
    assert main(["bench", *words, f"store={folder}"]) == 0
    return folder


def records(store: Path) -> dict[str, Record]:
    found = [Record.read(path) for path in (store / "records").glob("*.json")]
    return {record.model: record for record in found}


def test_every_run_leaves_a_record_that_can_be_run_again(store: Path) -> None:
    found = records(store)
    assert found.keys() == {"constant", "lightgbm-row"}
    for record in found.values():
        assert record.status == "done", record.error
        assert (record.policy, record.cut, record.seed) == ("rolling", "inclusive", 0)
        assert record.metrics.keys() == {"val", "test"}
        assert all((record.data, record.labels, record.code, record.config, record.phases))
        assert (store / record.run / "predictions" / "test.parquet").is_file()
        assert record.peak_bytes > 0
    assert len({(record.data, record.labels) for record in found.values()}) == 1
    low, high = found["lightgbm-row"].interval["test"] or (1.0, 0.0)
    assert low <= found["lightgbm-row"].score("test") <= high
    assert "| constant |" in (store / "board.md").read_text()
    assert (store / "board.csv").read_text().count("\n") == 3
    assert not list((store / "claims").iterdir())


def test_the_same_command_runs_nothing_again_though_a_run_is_gone(
    store: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (store / records(store)["constant"].run / "predictions").iterdir():
        file.unlink()
    assert main(["bench", *words, f"store={store}"]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("(on record)") == 2
    assert "| constant |" in printed.out


def test_a_dry_run_tells_what_it_would_take(
    store: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *words, f"store={store}", "dry_run=true"]) == 0
    assert "0 of 2 runs to do" in capsys.readouterr().out
    assert main(["bench", *words, "store=other", "dry_run=true"]) == 0
    assert not Path("other").exists()
    assert "nothing on record tells how long 2 of them take" in capsys.readouterr().out


def test_a_dry_run_adds_up_what_earlier_runs_took(
    store: Path, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "records").mkdir()
    for path in (store / "records").iterdir():
        took = {"seconds": 90.0, "peak_bytes": 1.5 * 2**30}
        kept = json.loads(path.read_text()) | took
        (tmp_path / "records" / path.name).write_text(json.dumps(kept))
    more = [f"store={tmp_path}", "seeds=5", "workers=2", "dry_run=true"]
    assert main(["bench", *words, *more]) == 0
    printed = capsys.readouterr().out
    # `constant` has no seeds, and one of the other's five is on record.
    table = [line.split()[3::2] for line in printed.splitlines() if line.startswith("│")]
    assert table == [
        ["constant", "1", "0", "90", "1.50"],
        ["lightgbm-row", "5", "4", "90", "1.50"],
    ]
    assert "4 of 6 runs to do: about 3 minutes with 2 at a time\n" in printed


def test_a_record_is_reproduced_and_a_wrong_one_is_not(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = records(store)["constant"]
    assert record.threads == 1
    # With as many threads as then, not with as many as there could be.
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = sorted(store.rglob("*"))
    assert main(["reproduce", record.id[:8], f"store={store}"]) == 0
    assert sorted(store.rglob("*")) == before
    printed = capsys.readouterr().out
    assert "what differs from then: nothing" in printed
    assert "predictions are equal" in printed
    path = store / "records" / f"{record.id}.json"
    whole = path.read_text()
    kept = json.loads(whole)
    kept["metrics"]["test"][record.metric], kept["interval"]["test"] = 0.9, [0.85, 0.95]
    path.write_text(json.dumps(kept))
    assert main(["reproduce", record.id, f"store={store}"]) == 1
    path.write_text(whole)
    assert "NOT within" in capsys.readouterr().out


def test_a_run_that_fails_is_kept_and_shown(words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "store"
    more = ["timeout=1 seconds", "model=constant", "~contenders.lightgbm-row"]
    assert main(["bench", *words, *more, f"store={folder}"]) == 0
    (record,) = records(folder).values()
    assert record.status == "timeout"
    assert "seed 0 timeout" in (folder / "board.md").read_text()


def test_a_task_without_test_labels_is_said_before_anything_runs(
    shop: Path, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database, task = (word.partition("=")[2] for word in source(shop))
    asked = yaml.safe_load(Path(task).read_text())
    until = "WHERE t.timestamp < '2020-05-01' GROUP BY"
    asked["sql"] = asked["sql"].replace("GROUP BY", until)
    (tmp_path / "masked.yaml").write_text(yaml.safe_dump(asked))
    suite = {"_target_": "hgl.bench.suite.Suite", "name": "masked", "db": database}
    suite |= {"tasks": {str(tmp_path / "masked.yaml"): {}}, "models": ["constant"]}
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "masked.yaml").write_text(yaml.safe_dump(suite))
    place = ["--config-dir", str(tmp_path), "suite=masked", f"store={tmp_path / 'store'}"]
    assert "test labels: no rows" in failure(capsys, 2, "bench", *place)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("suite=rel-f2", "rel-f2"),
        ("model=rhgn", "model='rhgn' (did you mean rhgnn?)"),
        ("seeds=x", "seeds='x': expected a number such as 5"),
        ("task=plane", "task='plane'"),
        ("model=idgnn", "idgnn answers none of plane-late (binary)"),
        ("policy=thawed", "policy='thawed': expected some of rolling, frozen"),
        ("timeout=soon", "'soon'"),
        ("workers=0", "workers=0"),
        ("suite=rel-f1", "suite rel-f1 do not come with hgl; expected db="),
    ],
)
def test_what_cannot_be_run_is_one_line(
    word: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in failure(capsys, 2, "bench", word)


def test_an_unknown_record_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no record begins with it" in failure(capsys, 2, "reproduce", "abc123")
