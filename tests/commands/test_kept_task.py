"""A task that was kept comes back: also one whose labels are files, which an artefact keeps too."""

from __future__ import annotations

from pathlib import Path

from hgl.commands.folder import kept, unkept
from hgl.tasks.task import Task
from tests.train.shop import returns


def test_a_task_in_sql_comes_back() -> None:
    assert unkept(kept(returns()), "here") == returns()


def test_a_task_whose_labels_are_files_comes_back_with_their_folder(tmp_path: Path) -> None:
    task = Task.from_mapping(
        {k: v for k, v in kept(returns()).items() if k != "sql"}, "here", tmp_path / "labels"
    )
    fields = kept(task)
    assert fields["folder"] == str(tmp_path / "labels")
    assert unkept(fields, "there") == task
    assert fields == kept(task)
