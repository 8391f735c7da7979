"""What each chart draws, of runs and records whose numbers are known."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import pytest

from hgl.db.schema import ForeignKey, Schema, TableSchema
from hgl.report.page import Material, gather, read_runs, read_store
from hgl.report.page.cost import cost_section
from hgl.report.page.curves import curves_section
from hgl.report.page.element import Fragment
from hgl.report.page.schema_graph import draw, schema_section
from hgl.report.page.timeline import timeline_section
from tests.report.page import made

LOSSES, SCORES = [0.9, 0.6, 0.5, 0.4], [0.5, 0.8, 0.7, 0.6]
"""Of four epochs; the second is the best by validation."""


def key(column: str, parent: str) -> ForeignKey:
    return ForeignKey(column, (column,), parent, ("id",), f"{column}_row")


SHOP = Schema(
    "shop",
    {
        "customer": TableSchema("customer", (), pkey=("id",), num_rows=40),
        "product": TableSchema("product", (), pkey=("id",), num_rows=1),
        "order": TableSchema(
            "order",
            (),
            fkeys=(
                key("buyer", "customer"),
                key("payer", "customer"),
                key("product", "product"),
            ),
            time_col="at",
            num_rows=1500,
        ),
    },
)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """One run on 150 days of orders from 2020-01-01."""
    folder = tmp_path_factory.mktemp("charts")
    run = made.run(folder / "run", made.database(folder / "db"))
    rows = [
        {"epoch": epoch, "train_loss": loss, "val_roc_auc": score}
        for epoch, (loss, score) in enumerate(zip(LOSSES, SCORES), 1)
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return gather("runs", *read_runs([run]), None)


def of_class(root: Element, *names: str) -> list[Element]:
    """The elements that have all of these classes."""
    return [e for e in root.iter() if {*names} <= {*e.get("class", "").split()}]


def numbers(element: Element, *names: str) -> list[float]:
    return [float(element.attrib[name]) for name in names]


def parsed(fragment: Fragment) -> Element:
    return ElementTree.fromstring(fragment)


def corners(box: Element) -> tuple[float, float, float, float]:
    """Left, top, right and bottom."""
    x, y, width, height = numbers(box.find("rect"), "x", "y", "width", "height")  # type: ignore[arg-type]
    return x, y, x + width, y + height


def centre(mark: Element) -> tuple[float, float]:
    if mark.tag == "circle":
        return float(mark.attrib["cx"]), float(mark.attrib["cy"])
    corners = [tuple(map(float, p.split(","))) for p in mark.attrib["points"].split()]
    x, y = np.mean(corners, axis=0).tolist()
    return x, y


def test_the_schema_has_a_box_per_table_and_an_arrow_per_key() -> None:
    chart = parsed(draw(SHOP, ["customer"]))
    boxes = of_class(chart, "table")
    said = {box.findtext("text[1]"): box.findtext("text[2]") for box in boxes}
    assert said == {
        "customer": "40 rows · static",
        "order": "1,500 rows",
        "product": "1 row · static",
    }
    kinds = {box.findtext("text[1]"): box.get("class") for box in boxes}
    assert kinds == {
        "customer": "table entity",
        "order": "table timed",
        "product": "table static",
    }
    assert [arrow.findtext("title") for arrow in of_class(chart, "key")] == [
        "order.buyer → customer.id",
        "order.payer → customer.id",
        "order.product → product.id",
    ]


def test_boxes_are_apart_and_arrows_lead_from_child_to_parent() -> None:
    chart = parsed(draw(SHOP, ["customer"]))
    boxes = {box.findtext("text[1]"): corners(box) for box in of_class(chart, "table")}
    spans = sorted((left, right) for left, _, right, _ in boxes.values())
    assert all(right < left for (_, right), (left, _) in pairwise(spans))
    starts = set()
    for arrow in of_class(chart, "key"):
        child, parent = re.findall(r"(\w+)\.", arrow.findtext("title") or "")
        points = re.findall(r"([\d.]+),([\d.]+)", arrow.attrib["d"])
        start, *_, end = [(float(x), float(y)) for x, y in points]
        for (x, y), table, room in ((start, child, 0.1), (end, parent, 5.1)):
            left, top, right, bottom = boxes[table]
            assert min(abs(x - left), abs(x - right)) <= room
            assert top < y < bottom
        starts.add(start)
    assert len(starts) == 3, "two keys to one table are two arrows"


def test_the_schema_section_draws_the_database_of_the_runs(material: Material) -> None:
    section = parsed(schema_section(material))
    assert [b.findtext("text[1]") for b in of_class(section, "table")] == ["customer", "orders"]
    (entity,) = of_class(section, "table", "entity")
    assert entity.findtext("text[1]") == "customer"
    (arrow,) = of_class(section, "key")
    assert arrow.findtext("title") == "orders.customer_id → customer.customer_id"


def test_the_time_line_has_splits_and_questions_where_their_times_are(material: Material) -> None:
    section = parsed(timeline_section(material))
    (lane,) = of_class(section, "lane")
    assert lane.findtext("title") == "orders: 2020-01-01 to 2020-05-29"
    left, _, right, _ = corners(lane)

    def day(at: float) -> float:
        return (at - left) / (right - left) * 149

    bounds = {line.attrib["x1"]: line.attrib["x2"] for line in of_class(section, "bound")}
    assert list(bounds) == list(bounds.values())
    assert [day(float(at)) for at in bounds] == pytest.approx([91, 121], abs=0.01)
    texts = [text.text for text in of_class(section, "strong")]
    assert texts == [
        *("validation from 2020-04-01", "test from 2020-05-01"),
        *("validation questions", "test questions"),
    ]
    for split, first in (("val", 91), ("test", 121)):
        (asked,) = of_class(section, "asked", split)
        dots = [day(*numbers(dot, "cx")) for dot in asked.findall("circle")]
        assert dots == pytest.approx([first, first + 7, first + 14], abs=0.01)
        start, _, end, _ = corners(asked)
        assert (day(start), day(end)) == pytest.approx((first, first + 14 + 10), abs=0.01)
    assert of_class(section, "hidden-part") == [], "the rolling policy hides nothing"


def test_a_learning_curve_has_a_point_per_epoch(material: Material) -> None:
    charts = parsed(curves_section(material)).findall(".//figure/svg")
    assert [chart.get("aria-label") for chart in charts] == [
        "validation roc_auc ↑ per epoch",
        "training loss per epoch",
    ]
    for chart, values in zip(charts, (SCORES, LOSSES)):
        (curve,) = of_class(chart, "series")
        assert curve.findtext("title") == f"Network, seed 0: {values[-1]:.4f} at epoch 4"
        (line,) = of_class(curve, "line")
        points = [tuple(map(float, p.split(","))) for p in line.attrib["points"].split()]
        assert len(points) == 4
        across = [x for x, _ in points]
        assert across == sorted(set(across))
        by_height = sorted(range(4), key=lambda epoch: -points[epoch][1])
        assert by_height == sorted(range(4), key=lambda epoch: values[epoch])
        sizes = [numbers(mark, "r") for mark in of_class(curve, "mark")]
        assert sizes == [[2], [4.5], [2], [2]], "the epoch that was kept stands out"


def test_cost_against_accuracy_has_a_mark_per_model_in_its_place(tmp_path: Path) -> None:
    costs = {"small": (10.0, 0.6), "middle": (100.0, 0.8), "large": (1000.0, 0.7)}
    for model, (seconds, score) in costs.items():
        tested = {"test": {"roc_auc": score}}
        interval = {"test": [score - 0.05, score + 0.05]}
        fields = {"seconds": seconds, "metrics": tested, "interval": interval}
        made.record(None, tmp_path, model=model, **fields)
    material = gather("the store", *read_store(tmp_path), None)
    section = parsed(cost_section(material))
    spots, told = {}, set()
    for series in of_class(section, "series"):
        (mark,) = of_class(series, "mark")
        (bar,) = of_class(series, "bar")
        x, low, high = numbers(bar, "x1", "y1", "y2")
        assert high < low
        assert centre(mark) == pytest.approx((x, (low + high) / 2), abs=0.1)
        spots[series.attrib["data-model"]] = centre(mark)
        told.add(series.findtext("title"))
    assert told == {
        "small: 0.6000 [0.5500, 0.6500], 10.0 s",
        "middle: 0.8000 [0.7500, 0.8500], 100.0 s",
        "large: 0.7000 [0.6500, 0.7500], 16.7 min",
    }
    (x1, y1), (x2, y2), (x3, y3) = (spots[model] for model in costs)
    assert x1 < x2
    assert x3 - x2 == pytest.approx(x2 - x1, abs=0.2), "ten times the time is as far again"
    assert y2 < y3 < y1
