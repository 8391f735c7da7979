"""Tables hold what they were given."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console, RenderableType

from hgl.db.schema import Column, ForeignKey, Schema, TableSchema
from hgl.report.curve import save_curve
from hgl.report.tables import phase_table, schema_lines, score_table


def shown(*renderables: RenderableType) -> str:
    text = io.StringIO()
    console = Console(file=text, width=100, markup=False, emoji=False)
    for renderable in renderables:
        console.print(renderable)
    return text.getvalue()


def test_scores_by_predictor_with_a_dash_for_what_is_missing() -> None:
    rows = {"model": {"val": {"mae": 1.0}, "test": {"mae": 2.0}}, "constant": {"val": {"mae": 3.0}}}
    lines = shown(score_table(rows, ["mae"], "title")).splitlines()
    (model,) = [line for line in lines if "model" in line]
    (constant,) = [line for line in lines if "constant" in line]
    assert model.split("│")[2:4] == [" 1.0000 ", " 2.0000 "]
    assert constant.split("│")[2:4] == [" 3.0000 ", "      – "]


def test_phases_add_up_in_time_and_peak_in_memory() -> None:
    phases = {"a": {"seconds": 1.5, "peak_mb": 100.0}, "b": {"seconds": 2.0, "peak_mb": 2000.0}}
    (last,) = [line for line in shown(phase_table(phases)).splitlines() if " all " in line]
    assert "3.5" in last
    assert "2,000" in last


def test_a_schema_names_keys_times_reasons_and_defects() -> None:
    parent = TableSchema("owner [x]", (Column("id", "int64", "ignored", "the key"),), pkey=("id",))
    child = TableSchema(
        "pet",
        (Column("at", "timestamp[us]", "timestamp", "the row's own time"),),
        time_col="at",
        time_reason="stated in the manifest",
        fkeys=(ForeignKey("o", ("owner",), "owner [x]", ("id",), "o_row"),),
        num_rows=1234,
    )
    schema = Schema(
        "zoo", {"pet": child, "owner [x]": parent}, "2020-01-01", "2021-01-01", defects={"pet.o": 5}
    )
    text = shown(*schema_lines(schema))
    for line in (
        "pet: 1,234 rows; no key; known at at (stated in the manifest)",
        "owner [x]: 0 rows; key id; static (as found)",
        "  owner → owner [x](id)",
        "defect: pet.o: 5 rows",
        "static tables: owner [x]",
        "validation from 2020-01-01, test from 2021-01-01 (as stated)",
    ):
        assert line in text
    assert "the row's own time" in text


def test_the_curve_is_a_whole_picture(tmp_path: Path) -> None:
    history = [{"epoch": i, "train_loss": 1 / (i + 1), "val_mae": 2.0 - i} for i in range(3)]
    save_curve(history, "mae", 2, tmp_path / "curve.png")
    content = (tmp_path / "curve.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert content.rstrip().endswith(b"IEND\xaeB`\x82")
    assert [p.name for p in tmp_path.iterdir()] == ["curve.png"]
