"""`hgl report` from the command line, on a run that was trained."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hgl.cli import main


def test_a_run_is_reported_by_name(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", f"runs={run}", "out=pages/shop.html"]) == 0
    assert "pages/shop.html" in capsys.readouterr().out
    text = (tmp_path / "pages" / "shop.html").read_text()
    assert "comes-back" in text
    assert "no explanation" in text
    assert "no schema" not in text
    assert "no time line" not in text
    assert (tmp_path / "pages" / "shop.csv").read_text().count("\n") >= 2


def test_the_newest_run_is_the_default_and_a_pattern_takes_several(
    run: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        shutil.copytree(run, tmp_path / "outputs" / "shop" / name)
    assert main(["report"]) == 0
    assert (tmp_path / "report.md").read_text().startswith("# Results of ")
    assert main(["report", "runs=outputs/shop/*", "out=all.html"]) == 0
    assert "is newer and the same" in (tmp_path / "all.html").read_text()


def test_models_say_what_they_lean_on(run: Path, tmp_path: Path) -> None:
    assert main(["report", f"runs={run}", "explain=true"]) == 0
    text = (tmp_path / "report.html").read_text()
    assert "integrated gradients" in text
    assert "order.price" in text
    assert "no explanation" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "neither hgl bench nor hgl train has left anything under outputs/"),
        (["runs=nowhere"], "'nowhere' is no folder that hgl train left"),
        (["store=nowhere"], "expected the folder that hgl bench left"),
        (["runs=a", "store=b"], "expected one of them"),
        (["out=report.pdf"], "expected a file that ends in .html"),
    ],
)
def test_what_cannot_be_reported_is_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *words]) == 2
    complaint = capsys.readouterr().err.strip().splitlines()[-1]
    assert said in complaint


def test_without_a_finished_run_there_is_no_page(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "half")
    (tmp_path / "half" / "results.yaml").unlink()
    assert main(["report", "runs=half"]) == 2
    assert "none of 1 is done" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()
