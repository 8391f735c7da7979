"""The folder of a student: whole, or one clear error."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from hgl.aggregates.live.features import LiveFeatures
from hgl.db.database import Database
from hgl.db.schema import Column, Schema
from hgl.errors import CacheError, ConfigError, SchemaError
from hgl.export.artefact import MANIFEST, MODEL, QUERY, Artefact
from hgl.export.calibration import Probabilities
from tests.export import shop


def test_it_reads_what_was_written(artefact: Artefact, db: Database) -> None:
    read = Artefact.read(artefact.folder)
    assert read.manifest == shop.manifest(db, shop.plan(db))
    assert read.features_sql == "SELECT 1 -- æ"
    assert sorted(f.name for f in artefact.folder.iterdir()) == [QUERY, MANIFEST, MODEL]
    assert [f.name for f in artefact.folder.parent.iterdir()] == ["student"], "nothing left aside"


def test_a_password_is_not_written(artefact: Artefact, db: Database) -> None:
    manifest = shop.manifest(db, shop.plan(db))
    source = dataclasses.replace(manifest.source, db="postgresql://me:secret@host/shop")
    assert "secret" not in json.dumps(dataclasses.replace(manifest, source=source).to_dict())


def test_people_find_units_and_fingerprints_in_the_manifest(artefact: Artefact) -> None:
    kept = json.loads((artefact.folder / MANIFEST).read_text())
    columns = {c["name"]: (c["dtype"], c["unit"]) for c in kept["columns"]}
    assert columns["value height"] == ("float32", None)
    assert columns["value city"] == ("int64", None)
    assert sorted(unit for _, unit in columns.values() if unit) == ["days", "rows"]
    assert kept["cutoff"] == "2024-06-01"
    assert kept["plan"]["vocabularies"] == {"value city": ["Oslo", "Bergen"]}
    assert kept["database"]["data"]
    assert kept["database"]["shape"]


def test_it_predicts_what_the_network_does(
    artefact: Artefact, features: LiveFeatures, db: Database
) -> None:
    table = features.fetch([{"id": i} for i in (1, 2, 3)], [shop.CUTOFF] * 3)
    eager = shop.scorer(shop.plan(db), Probabilities("binary", 1.5)).eval()
    with torch.no_grad():
        expected = eager(
            torch.tensor(table.numerical, dtype=torch.float32), torch.tensor(table.categorical)
        )
    np.testing.assert_allclose(artefact.scorer(table), expected, atol=1e-5)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / MODEL).unlink(), r"student.onnx cannot be read \(No such file"),
        (lambda f: (f / MANIFEST).unlink(), r"manifest.json cannot be read .*hgl export"),
        (lambda f: _cut(f / MODEL), "student.onnx is not the file that the manifest describes"),
        (lambda f: (f / QUERY).write_text("DROP"), "features.sql is not the file"),
        (lambda f: _cut(f / MANIFEST), "manifest.json is damaged"),
        (lambda f: (f / MANIFEST).write_bytes(b"\xff\xfe"), "manifest.json is damaged"),
        (lambda f: (f / MANIFEST).write_text("[" * 10**5), "manifest.json is damaged"),
        (lambda f: (f / MANIFEST).write_text("[]"), "damaged: expected an object with `format`"),
        (lambda f: _edit(f / MANIFEST, '"format": 1', '"format": 2'), "has format 2: expected 1"),
        (lambda f: _edit(f / MANIFEST, '"Oslo"', '"Rome"'), "changed after it was written"),
        (lambda f: _edit(f / MANIFEST, '"digest"', '"other"'), "changed after it was written"),
        (lambda f: shutil.rmtree(f), "cannot be read"),
    ],
)
def test_damage_is_one_clear_error(
    artefact: Artefact, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    folder = tmp_path / "student"
    shutil.copytree(artefact.folder, folder)
    Artefact.read(folder)
    damage(folder)
    with pytest.raises(CacheError, match=message):
        Artefact.read(folder)


def test_something_else_is_never_replaced(artefact: Artefact, tmp_path: Path, db: Database) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    scorer = shop.scorer(artefact.manifest.plan, Probabilities("binary"))
    with pytest.raises(ConfigError, match="holds something else"):
        Artefact.write(tmp_path, artefact.manifest, scorer, "")
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_failed_export_leaves_what_was_there(artefact: Artefact, tmp_path: Path) -> None:
    folder = tmp_path / "student"
    shutil.copytree(artefact.folder, folder)
    other = artefact.manifest.plan.keep(["value height"])
    scorer = shop.scorer(other, Probabilities("binary"))
    with pytest.raises(ConfigError, match="TableMLP does not fit the plan's columns"):
        Artefact.write(folder, artefact.manifest, scorer, "")
    assert Artefact.read(folder).manifest == artefact.manifest
    assert [f.name for f in tmp_path.iterdir()] == ["student"]


def _with(schema: Schema, table: str, **changes: object) -> Schema:
    changed = dataclasses.replace(schema.table(table), **changes)  # type: ignore[arg-type]
    return dataclasses.replace(schema, tables={**schema.tables, table: changed})


def _retyped(schema: Schema, table: str, column: str, kind: str | None) -> Schema:
    columns = tuple(
        dataclasses.replace(c, type=kind) if c.name == column and kind else c
        for c in schema.table(table).columns
        if kind or c.name != column
    )
    return _with(schema, table, columns=columns)


def test_more_rows_and_columns_are_no_change(artefact: Artefact, db: Database) -> None:
    wider = (*db.schema.table("orders").columns, Column("note", "string"))
    grown = _with(db.schema, "orders", num_rows=10**6, columns=wider)
    artefact.check_database(dataclasses.replace(grown, fingerprint="another"))
    artefact.check_database(_retyped(db.schema, "orders", "amount", "float"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: dataclasses.replace(s, tables={"x": s.table("customers")}),
            "'customers' is gone",
        ),
        (lambda s: _retyped(s, "customers", "city", None), "column customers.city is gone"),
        (
            lambda s: _retyped(s, "orders", "amount", "string"),
            "column orders.amount is string, was double",
        ),
        (lambda s: _with(s, "customers", pkey=("city",)), "'customers' has key city, had id"),
        (lambda s: _with(s, "orders", fkeys=()), "foreign key orders.* is gone"),
        (
            lambda s: _with(
                s,
                "orders",
                fkeys=tuple(
                    dataclasses.replace(f, columns=("id",)) for f in s.table("orders").fkeys
                ),
            ),
            r"is id to customers\(id\), was customer to customers\(id\)",
        ),
        (lambda s: _with(s, "orders", time_col=None), "has time column None, had at"),
    ],
)
def test_what_changed_in_a_database_is_said(
    artefact: Artefact, db: Database, change: Callable[[Schema], Schema], message: str
) -> None:
    artefact.check_database(db.schema)
    with pytest.raises(SchemaError, match=message):
        artefact.check_database(change(db.schema))
