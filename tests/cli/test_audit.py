"""`hgl audit` from the command line, on a run that was trained."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from hgl.cli import main
from hgl.results.audit import FILE, Audit
from tests.cli.shop import failure, source


def test_the_model_of_a_run_is_audited_beside_it(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = shutil.copytree(run, tmp_path / "run")
    assert main(["audit", f"run={mine}", "seeds=4"]) == 0
    assert "no leak" in capsys.readouterr().out
    found = Audit.read(mine / FILE)
    assert found.task == "comes-back"
    assert found.comparisons["predictions (RHGNN, trained)"] == 8
    assert any(found.of("suspicion")), "which is no failure unless strict=true"
    assert "customer" in (mine / "audit.md").read_text()


def test_without_a_run_an_untrained_network_is_audited(shop: Path, tmp_path: Path) -> None:
    assert main(["audit", *source(shop), "seeds=2", f"out={tmp_path / 'audit'}"]) == 0
    found = Audit.read(tmp_path / "audit" / FILE)
    assert found.comparisons["predictions (RHGNN, untrained)"] == 8


def test_a_student_is_audited_beside_its_teacher(run: Path, tmp_path: Path) -> None:
    words = ["seeds=1", "student.max_epochs=1", "student.channels=8", "sources.most=8"]
    assert main(["distill", f"run={run}", *words, f"out={tmp_path / 'student'}"]) == 0
    artefact = tmp_path / "student" / "artefact"
    words = [f"run={run}", f"artefact={artefact}", "seeds=4", f"out={tmp_path / 'audit'}"]
    assert main(["audit", *words]) == 0
    found = Audit.read(tmp_path / "audit" / FILE)
    # Its columns are made for the cut of its task, and both splits are looked at.
    assert found.comparisons["student (artefact)"] == 4


def test_a_suspicion_is_a_failure_if_strict(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*source(shop), "model=sage", "model.channels=8", "seeds=1", "strict=true"]
    assert main(["audit", *words, f"out={tmp_path / 'audit'}"]) == 1
    assert "no leak" in capsys.readouterr().out
    found = Audit.read(tmp_path / "audit" / FILE)
    assert "predictions (HeteroGraphSAGE, untrained)" in found.comparisons
    assert {f.check for f in found.of("suspicion")} == {"growing table", "newcomer"}


def test_a_leak_is_a_failure(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = {"_target_": "tests.cli.remembering.Remembering", "_partial_": True}
    model = {"_target_": "hgl.models.relational.RelationalModel", "_partial_": True}
    (tmp_path / "model").mkdir()
    file = tmp_path / "model" / "remembering.yaml"
    file.write_text(yaml.safe_dump({**model, "channels": 8, "gnn": network}))
    words = ["--config-dir", str(tmp_path), "model=remembering", "seeds=1"]
    assert main(["audit", *source(shop), *words, f"out={tmp_path / 'audit'}"]) == 1
    assert "1 leak proven" in capsys.readouterr().out
    (leak,) = Audit.read(tmp_path / "audit" / FILE).of("leak")
    assert "predictions (Remembering, untrained): 8 of 8" in leak.evidence


def test_a_run_has_its_own_task(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "which has its own" in failure(capsys, 2, "audit", f"run={run}", "task=plane-late")
