"""From a trained network to a ladder, a page and a student that comes back, on a small shop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hgl.aggregates.batch import compute
from hgl.distill import kept
from hgl.distill.bootstrap import Resampled
from hgl.distill.gather import Sources, gather
from hgl.distill.ladder import Ladder, choose, climb
from hgl.distill.lessons import columns_of
from hgl.distill.material import Material
from hgl.distill.report import Page
from hgl.distill.rung import BOOSTED, CODED, CONSTANT, PLAIN, READ, ROW, STUDENTS, TAUGHT, TEACHER
from hgl.distill.student import StudentSettings
from hgl.errors import CacheError, ConfigError
from hgl.export.calibration import Probabilities
from hgl.export.onnx_file import export
from hgl.export.scorer_module import ScorerModule
from hgl.train.watcher import Silent
from tests.train.shop import experiment, returns, shop

SETTINGS = StudentSettings(channels=16, max_epochs=6, lr=0.01, average=0.9)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("teacher")
    asked = replace(experiment(max_epochs=3), db=shop(num_brands=3))
    asked.train(folder / "run")
    return gather(
        asked,
        asked.prepare(),
        asked.restore(folder / "run"),
        3,
        Sources(extra=0.3, most=16, parent_codes=True),
        aside=folder / "aside",
    )


@pytest.fixture(scope="module")
def climbed(material: Material, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ladder, Path]:
    folder = tmp_path_factory.mktemp("students")
    ladder = climb(material, SETTINGS, seeds=2, folder=folder, watcher=Silent())
    kept.keep(ladder, SETTINGS, folder)
    return ladder, folder


def test_rows_are_labelled_then_extra(material: Material) -> None:
    train = material.seeds["train"]
    # The policy is frozen, so every labelled seed has a stale copy.
    assert material.labelled == 2 * len(train)
    extra = len(material.target) - material.labelled
    assert extra == int(0.3 * len(train))
    assert material.target[: len(train)].tolist() == train.answers.tolist()
    assert material.target[material.labelled :].isnan().all()
    assert len(material.taught) == len(material.log_codes) == len(material.target)


def test_a_teacher_teaches_some_rows_and_codes_name_the_labelled_ones(material: Material) -> None:
    asked = ~material.taught.isnan().any(1)
    assert 0 < asked.sum() < len(asked)
    assert not material.log_codes[: material.labelled].isnan().any()
    assert material.log_codes[material.labelled :].isnan().all()


def test_a_rung_reads_what_its_tier_says(material: Material) -> None:
    own = material.columns(ROW)
    assert all(f.source is None for f in own.features)
    assert any(f.source is not None for f in material.columns(TAUGHT).features)
    plain, taught = (material.lessons(rung, "train") for rung in (PLAIN, TAUGHT))
    assert len(plain) == material.labelled
    assert len(taught) == len(material.target)
    assert plain.codes.shape[1] == 0
    assert material.lessons(CODED, "train").codes.shape[1] == material.tokens.codebook.num_codes


def test_validation_and_test_lessons_hold_no_answer(material: Material) -> None:
    for split in ("val", "test"):
        asked = material.lessons(CODED, split)
        assert asked.target.isnan().all()
        assert asked.taught.isnan().all()


def test_everybody_is_on_the_ladder(climbed: tuple[Ladder, Path]) -> None:
    ladder, _ = climbed
    for split in ("val", "test"):
        found = ladder.predictions[split]
        assert list(found) == [CONSTANT, *(r.name for r in STUDENTS), BOOSTED, TEACHER]
        rows = len(ladder.material.seeds[split])
        assert all(p.shape == (rows,) for each in found.values() for p in each)
    assert len(ladder.predictions["test"][TAUGHT.name]) == 2


def test_aggregates_make_the_difference_here(climbed: tuple[Ladder, Path]) -> None:
    """Whether customers were happy is in their orders, not in their row."""
    test = climbed[0].test()
    assert test.gain(PLAIN.name, ROW.name).above_zero
    assert test.retention(TAUGHT.name, CONSTANT, TEACHER).value > 0.8


def test_the_page_says_what_ships_and_what_it_is_worth(climbed: tuple[Ladder, Path]) -> None:
    ladder, _ = climbed
    page = Page("shop, returns", ladder, ladder.test())
    text = page.markdown()
    for name in (CONSTANT, *(r.name for r in STUDENTS), BOOSTED, TEACHER):
        assert f"| {name} |" in text
    assert f"Ships: {ladder.chosen.name}" in text
    assert "policy frozen".capitalize() in text
    by_name = {row["predictor"]: row for row in page.rows()}
    assert by_name[TEACHER]["retention"]["value"] == pytest.approx(1.0)


def test_a_student_comes_back_as_it_was(climbed: tuple[Ladder, Path]) -> None:
    ladder, folder = climbed
    for rung in (ROW, CODED):
        best = max(ladder.students[rung.name], key=lambda s: s.score)
        found = kept.read(folder, rung.name)
        table = ladder.material.tables["test"].keep(found.plan)
        with torch.no_grad():
            out = found.network(*columns_of(table))
        assert np.allclose(out.numpy(), best.outputs["test"], atol=1e-5)
        assert found.temperature > 0
    assert kept.read(folder).rung == ladder.chosen.name


def test_a_student_of_codes_brings_their_cache(
    climbed: tuple[Ladder, Path], tmp_path: Path
) -> None:
    """Its columns are the plan's own, so whoever serves it needs no teacher."""
    ladder, folder = climbed
    found, db = kept.read(folder, READ.name), shop(num_brands=3)
    assert ladder.material.read_codes is not None
    cache = ladder.material.read_codes.cache
    last = pd.Timestamp(cache.refill, unit="s") + pd.Timedelta(days=5)
    seeds = returns().seeds_at(db, str(last))
    table = compute(db, found.plan, seeds)
    orders = db.frame("orders", ["customer_id", "brand_id"]).groupby("customer_id").last()
    brand = orders["brand_id"].reindex(seeds.entity)
    assert brand.notna().all()
    base = ladder.material.plan
    vectors = cache.vectors[0][torch.tensor(brand.astype(int).tolist())]
    age = torch.full((len(seeds), 1), 5.0).log1p()
    read = torch.cat([vectors, age, torch.zeros(len(seeds), 1)], dim=1)
    mlp = found.network.get_submodule("mlp")
    with torch.no_grad():
        expected = mlp(*columns_of(compute(db, base, seeds)), read)
        assert torch.allclose(found.network(*columns_of(table)), expected, atol=1e-5)
    export(ScorerModule(found.network, Probabilities("binary", 1.0)), tmp_path / "m", found.plan)


def test_before_its_refill_a_cache_tells_nothing(climbed: tuple[Ladder, Path]) -> None:
    found, db = kept.read(climbed[1], READ.name), shop(num_brands=3)
    table = compute(db, found.plan, returns().seeds_at(db, "2024-05-20"))
    numerical, categorical = columns_of(table)
    other = categorical.clone()
    other[:, -1] = 0
    assert (categorical[:, -1] > 1).any()
    with torch.no_grad():
        out = found.network(numerical, categorical)
        assert torch.equal(out, found.network(numerical, other))


def test_a_folder_without_students_and_a_rung_that_is_none(
    climbed: tuple[Ladder, Path], tmp_path: Path
) -> None:
    with pytest.raises(CacheError, match="hgl distill left"):
        kept.read(tmp_path)
    with pytest.raises(ConfigError, match="rung='wow': expected one of row"):
        kept.read(climbed[1], "wow")
    (tmp_path / kept.FILE).write_text('{"chosen": "row", "rungs": {"row": 3}}')
    with pytest.raises(CacheError, match="hgl distill left"):
        kept.read(tmp_path)


@pytest.mark.parametrize(
    ("gains", "wanted"),
    [((0.0, 0.1), PLAIN), ((0.1, 0.0), TAUGHT), ((0.1, 0.1), CODED), ((-0.1, 0.1), PLAIN)],
)
def test_a_part_without_a_sure_gain_stays_off(gains: tuple[float, float], wanted: object) -> None:
    random = np.random.default_rng(0)
    plain = random.normal(0.7, 0.05, 101)
    noise = random.normal(0, 0.01, 101)
    taught = plain + gains[0] + noise
    scores = {PLAIN.name: plain, TAUGHT.name: taught, CODED.name: taught + gains[1] + noise}
    assert choose(Resampled(scores)) is wanted


def test_a_codebook_larger_than_its_rows_allow_is_refused(tmp_path: Path) -> None:
    asked = experiment(max_epochs=1)
    asked.train(tmp_path / "run")
    prepared, run, sources = (
        asked.prepare(),
        asked.restore(tmp_path / "run"),
        Sources(num_codes=256),
    )
    with pytest.raises(ConfigError, match="num_codes=256: expected at most"):
        gather(asked, prepared, run, 1, sources, aside=tmp_path / "aside")
