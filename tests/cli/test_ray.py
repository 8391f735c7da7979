"""`launcher=ray`: what two workers of a Ray cluster answer is what one process answers."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from hgl.cli import main
from hgl.commands import cluster
from tests.cli.shop import failure

FAST = ["seeds=1", "student.max_epochs=1", "student.channels=8", "sources.most=8"]


@pytest.fixture(scope="module")
def artefact(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distilled") / "student"
    assert main(["distill", f"run={run}", *FAST, f"out={folder}"]) == 0
    return folder / "artefact"


@pytest.mark.usefixtures("_two_workers")
@pytest.mark.filterwarnings("default")  # Ray's own
def test_two_workers_answer_as_one_process_in_order(
    artefact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "LEAST_ROWS", 10)
    asked = pd.DataFrame(
        {
            "customer_id": [*range(39, -1, -1), 7],
            "timestamp": [f"2020-05-{day:02}" for day in range(1, 22)] + ["2020-04-20"] * 20,
        }
    )
    asked.to_parquet(tmp_path / "ask.parquet")
    for words in (["table=ask.parquet"], ["at=2020-05-01"]):
        said = {}
        for launcher in ("local", "ray"):
            out = f"out={launcher}.parquet"
            command = ["predict", f"artefact={artefact}", *words, f"launcher={launcher}", out]
            assert main(command) == 0
            said[launcher] = pd.read_parquet(f"{launcher}.parquet")
        assert len(said["local"]) in (40, 41)
        pd.testing.assert_frame_equal(said["ray"], said["local"], check_dtype=False, rtol=1e-6)


def test_only_an_artefact_answers_on_a_cluster(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", f"run={run}", "at=2020-05-01", "launcher=ray"]
    assert "expected artefact=<folder>" in failure(capsys, 2, *words)
    assert "expected local or ray" in failure(capsys, 2, *words[:-1], "launcher=dask")


def test_without_ray_one_line_says_what_to_install(
    artefact: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    words = ["predict", f"artefact={artefact}", "at=2020-05-01", "launcher=ray"]
    assert "pip install 'hgl-rdl[ray]'" in failure(capsys, 2, *words)
