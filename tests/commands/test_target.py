"""Targets are found, checked by their signatures and built; stored ones only inside hgl."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from hgl.commands.target import build, check_name, completed, resolve
from hgl.errors import ConfigError

HERE = "tests.commands.test_target"


@dataclass(frozen=True)
class Wheel:
    size: int
    material: Literal["wood", "iron"] = "wood"


@dataclass(frozen=True)
class Cart:
    wheel: Any
    load: float = 1.5
    names: tuple[str, ...] = ("a", "b")
    limit: int | None = None
    pair: tuple[str, str] = ("a", "b")
    maker: Callable[[], Any] = dict


def wheel(**values: Any) -> dict[str, Any]:
    return {"_target_": f"{HERE}.Wheel", **values}


def cart(**values: Any) -> dict[str, Any]:
    return {"_target_": f"{HERE}.Cart", **values}


def test_builds_innermost_first() -> None:
    built = build(cart(wheel=wheel(size=3), load=2.0))
    assert built == Cart(Wheel(3), 2.0)


def test_partial_brings_the_rest_later() -> None:
    built = build({"parts": [wheel(_partial_=True)], "plain": {"x": 1}})
    assert built["plain"] == {"x": 1}
    assert isinstance(built["parts"][0], partial)
    assert built["parts"][0](size=4) == Wheel(4)


def test_spells_out_defaults_and_keeps_what_is_given() -> None:
    assert completed(cart(wheel=wheel(size=3), load=2)) == {
        "_target_": f"{HERE}.Cart",
        "wheel": {"_target_": f"{HERE}.Wheel", "material": "wood", "size": 3},
        "load": 2,
        "names": ("a", "b"),
        "limit": None,
        "pair": ("a", "b"),
    }


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (cart(wheel=1, laod=2.0), r"^laod: no such option; did you mean load\?$"),
        (cart(wheel=wheel(size=1, colour="red")), r"^wheel.colour: no such option; known are: "),
        (cart(wheel=wheel(size="big")), r"^wheel.size='big': expected a whole number$"),
        (cart(wheel=wheel(size=True)), r"^wheel.size=True: expected a whole number$"),
        (cart(wheel=wheel(size=1, material="gold")), r"expected wood or iron$"),
        (cart(wheel=1, load="heavy"), r"^load='heavy': expected a number$"),
        (cart(wheel=1, names="a"), r"^names='a': expected a list of text$"),
        (cart(wheel=1, names=[1]), r"expected a list of text$"),
        (cart(wheel=1, limit=0.5), r"^limit=0.5: expected a whole number or null$"),
        (cart(wheel=1, maker=None), r"^maker=None: expected something with a _target_$"),
        (cart(wheel=1, pair=["a", "b", "c"]), r"expected a list of 2 times text$"),
        (cart(), r"^wheel is missing"),
        ({"_target_": "hgl.nowhere.Cart"}, r"no such class or function"),
        ({"_target_": "Cart"}, r"no such class or function"),
    ],
)
def test_refuses_with_the_key_and_what_was_expected(node: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        completed(node)


def test_a_partial_may_miss_arguments() -> None:
    assert completed(wheel(_partial_=True))["material"] == "wood"


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "subprocess.Popen",
        "hgl.db.cache.Path",  # defined elsewhere, only imported there
        "hgl.db.cache.shutil.rmtree",
        "hglx.Model",
    ],
)
def test_builds_only_what_hgl_defines_from_a_stored_run(name: str) -> None:
    with pytest.raises(ConfigError):
        build({"a": [{"_target_": name, "args": "true"}]}, trusted=False)


def test_trusts_hgl_itself() -> None:
    assert resolve("hgl.graph.spec.GraphSpec", trusted=False).__name__ == "GraphSpec"


def test_names_near_matches() -> None:
    check_name("verb", "train", ["train"])
    with pytest.raises(ConfigError, match="did you mean train"):
        check_name("trian", "trian", ["train", "doctor"])


@pytest.mark.parametrize(
    "name",
    [
        *("os.system", "hgl.cli.main", "hgl.commands.train.train", "hgl.__main__.main"),
        *("hgl.train.checkpoint.save_tensors", "hgl.search.store.Store", "hgl.models.rhgnn.torch"),
        *("hgl.models.x", "hgl.datasets.flights.write", "", "x", None, 5, {"a": 1}, b"os.system"),
    ],
)
def test_a_stored_run_names_parts_only(name: object) -> None:
    with pytest.raises(ConfigError, match="_target_"):
        build({"_target_": name, "arguments": ["doctor"]}, trusted=False)


def test_every_part_of_the_configuration_may_be_stored() -> None:
    conf = Path(__file__).parents[2] / "conf"
    for group in ("model", "graph", "trainer", "sampling", "method"):
        for file in conf.glob(f"{group}/*.yaml"):
            for node in _nodes(yaml.safe_load(file.read_text())):
                assert resolve(node["_target_"], trusted=False)


def _nodes(tree: object) -> list[dict[str, str]]:
    if not isinstance(tree, dict):
        return []
    inner = [node for value in tree.values() for node in _nodes(value)]
    return [*inner, tree] if "_target_" in tree else inner
