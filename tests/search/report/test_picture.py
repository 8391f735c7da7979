"""Boxes do not overlap, names stay inside, and the same models give the same bytes."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from hgl.search.report.effects import effects
from hgl.search.report.forest import save_forest
from hgl.search.report.layout import HEIGHT, broken, places
from hgl.search.report.picture import save_models
from hgl.search.space import SpecSpace
from tests.search.published import random_schema, schema, space, tasks
from tests.search.report.made import searched

DRAWN = ["driver-top3", "study-outcome", "site-success", "post-votes", "user-clicks", "user-repeat"]


@pytest.mark.parametrize("task", sorted(tasks()))
def test_boxes_lie_apart(task: str) -> None:
    reach = space(task).reach
    found = places(reach.encoding, reach.entity_table)
    assert set(found) == set(reach.encoding.tables)
    assert all(spot.x >= found[reach.entity_table].x for spot in found.values())
    for a, b in combinations(found.values(), 2):
        apart = abs(a.x - b.x) > (a.width + b.width) / 2 or abs(a.y - b.y) > HEIGHT
        assert apart, (a, b)


@pytest.mark.parametrize("task", DRAWN)
def test_pictures_are_drawn_and_repeat(task: str, tmp_path: Path) -> None:
    models = space(task)
    rng = np.random.default_rng(1)
    panels = [("chosen", models.sample(rng)), ("default", models.all_rows)]
    for name in ("a.png", "b.png"):
        save_models(panels, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]
    image = imread(tmp_path / "a.png")
    edge = np.concatenate([image[:2].ravel(), image[-2:].ravel(), image[:, :2].ravel()])
    assert (edge == 1).all(), "something is cut off"


def test_other_models_give_other_pictures(tmp_path: Path) -> None:
    models = space("driver-top3")
    save_models([("x", models[3])], tmp_path / "a.png")
    save_models([("x", models[700])], tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("seed", range(12))
def test_any_schema_is_drawn(seed: int, tmp_path: Path) -> None:
    """Keys of a table to itself, several to one parent, tables that nothing joins."""
    drawn = random_schema(seed)
    entity = next(t.name for t in drawn.tables.values() if t.fkeys)
    models = SpecSpace(drawn, entity)
    save_models([("chosen", models[models.count // 2])], tmp_path / "a.png")
    assert imread(tmp_path / "a.png").std() > 0.01


def test_names_that_mean_something_to_the_drawing_library(tmp_path: Path) -> None:
    odd = "$x_{1$"
    drawn = schema(**{odd: {"$k$": "b", "_": "b"}, "b": {}, "_very_long_name_$of_a_table": {}})
    models = SpecSpace(drawn, "b")
    for model in models:
        save_models([(odd, model)], tmp_path / "a.png")
    assert imread(tmp_path / "a.png").std() > 0.01


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("results", "results"),
        ("event_interest", "event_\ninterest"),
        ("reported_event_totals", "reported_\nevent_totals"),
        ("PhoneRequestsStream", "PhoneRequestsStream"),
        ("_____________", "______\n_______"),
    ],
)
def test_long_names_take_two_lines(name: str, shown: str) -> None:
    assert broken(name) == shown


@pytest.mark.parametrize("models", [0, 60])
def test_forest_is_drawn(models: int, tmp_path: Path) -> None:
    """With one model alone nothing is identifiable, and the picture says so."""
    frame = effects(searched(models=models))
    assert frame["effect"].isna().all() == (models == 0)
    save_forest(frame, "roc_auc", "2 epochs, 1 seed", tmp_path / "effects.png")
    assert imread(tmp_path / "effects.png").std() > 0.01
