"""The lines of a running search."""

from __future__ import annotations

from hgl.search.progress import SearchLines
from hgl.search.report import Scored
from tests.search.published import space


def test_lines() -> None:
    models, said = list(space("driver-position"))[:3], list[str]()
    lines = SearchLines(said.append, budget=4.0, workers=2, metric="mae", sign=-1)
    lines(Scored(models[0], 0, -4.0, (-4.0,), spent=2.0, seconds=240.0))
    lines(Scored(models[1], 0, None, (), spent=1.0, error="TrainingError: no"))
    lines(Scored(models[2], 1, -5.0, (-5.0,), spent=4.0, seconds=60.0))
    assert said == [
        f"trial 1, graph {models[0].to_bits()}: validation mae 4.0000; best 4.0000; 2 of 4 "
        "trainings, about 2 min left",
        f"trial 2, graph {models[1].to_bits()}: failed: TrainingError: no; best 4.0000; 2 of 4 "
        "trainings, about 2 min left",
        f"trial 3, graph {models[2].to_bits()}: validation mae 5.0000; best 5.0000; 4 of 4 "
        "trainings",
    ]
