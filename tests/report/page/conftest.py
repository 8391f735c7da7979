"""A store with everything a page must show, hostile names and failures included."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hgl.report.page import Material, gather, read_runs, read_store
from hgl.report.page.run import read_run
from tests.report.page import made


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models with two seeds under each of two policies, one timeout, one damaged record."""
    folder = tmp_path_factory.mktemp("page") / "store"
    db = made.database(folder.parent / "db", customer=made.HOSTILE)
    skills = {"rhgnn": 0.6, "sage": 0.5, made.HOSTILE: 0.3}
    for policy in ("rolling", "frozen"):
        for number, (model, skill) in enumerate(skills.items()):
            for seed in (0, 1):
                run = made.run(
                    folder / policy / f"{number}-{seed}", db, seed=seed, skill=skill, policy=policy
                )
                _entity(run, made.HOSTILE)
                _record(run, folder, model, policy)
    failure = {"status": "timeout", "error": "it ran for 600 s", "metrics": {}, "interval": {}}
    made.record(None, folder, model="big", data="", labels="", **failure)
    (folder / "records" / "broken.json").write_text("{")
    return folder


@pytest.fixture(scope="session")
def material(store: Path) -> Material:
    """What a page of it is made of."""
    return gather("the store", *read_store(store), None)


def _entity(run: Path, table: str) -> None:
    task = yaml.safe_load((run / "task.yaml").read_text())
    (run / "task.yaml").write_text(yaml.safe_dump(task | {"entity_table": table}))


def _record(run: Path, store: Path, model: str, policy: str) -> None:
    (seen,), _ = read_runs([run])
    said = {split: found.digest for split, found in read_run(seen).answers.items()}
    made.record(
        run,
        store,
        model=model,
        seed=seen.seed,
        policy=policy,
        metrics=seen.metrics,
        interval=seen.interval,
        data=seen.data,
        labels=seen.labels,
        seconds=seen.seconds,
        predictions=said,
    )
