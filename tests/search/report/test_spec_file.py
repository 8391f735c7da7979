"""A written configuration is the model, through the command line too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf

from hgl.cli import main
from hgl.commands.target import build
from hgl.errors import ConfigError
from hgl.graph.spec import GraphSpec
from hgl.search.model import GraphModel
from hgl.search.report.spec_file import check_name, spec_file
from hgl.search.space import SpecSpace
from tests.search.published import schema, space


def read(text: str) -> GraphSpec:
    """What the command line makes of it."""
    return build(OmegaConf.to_container(OmegaConf.create(text), resolve=True))


@pytest.mark.parametrize("task", ["driver-top3", "user-repeat", "post-votes", "study-outcome"])
def test_round_trip(task: str) -> None:
    models, rng = space(task), np.random.default_rng(0)
    for _ in range(15):
        model = models.sample(rng)
        found = read(spec_file(model, "chosen: by\nvalidation"))
        assert found == model.to_spec()
        assert models.from_spec(found) == model


def test_composes_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = next(m for m in space("driver-top3") if _has_all(m))
    file = tmp_path / "graph" / "best-1.yaml"
    file.parent.mkdir()
    file.write_text(spec_file(model))
    assert main(["train", "--cfg", "--config-dir", str(tmp_path), "graph=best-1"]) == 0
    spec = model.to_spec()
    assert yaml.safe_load(capsys.readouterr().out)["graph"] == {
        "_target_": "hgl.graph.spec.GraphSpec",
        "without_tables": list(spec.without_tables),
        "without_fkeys": [list(pair) for pair in spec.without_fkeys],
        "edge_tables": list(spec.edge_tables),
        "null_keys": spec.null_keys,
    }


def _has_all(model: GraphModel) -> bool:
    spec = model.to_spec()
    return bool(spec.without_tables and spec.without_fkeys and spec.edge_tables)


@pytest.mark.parametrize(
    "name", ["null", "on", "1e3", "a: b", "${x}", r"\${x}", "é", "#a", '"', "\\"]
)
def test_names_that_yaml_or_omegaconf_reads_into(name: str) -> None:
    drawn = schema(**{name: {name: "b", "other": "b"}, "b": {}, f"{name}2": {"k": name}})
    models = SpecSpace(drawn, "b")
    for model in models:
        assert models.from_spec(read(spec_file(model))) == model


@pytest.mark.parametrize("name", ["", "1", "a/b", "a b", "-a", "../a", "a=b"])
def test_names_of_no_option(name: str) -> None:
    with pytest.raises(ConfigError, match="expected a letter, then letters, digits, _ or -"):
        check_name(name)
