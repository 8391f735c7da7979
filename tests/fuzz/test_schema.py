"""Schemas and manifests: read back as they were written, or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hgl.db.database import Database
from hgl.db.files import table_file
from hgl.db.overrides import apply_keys, apply_stypes, read_overrides
from hgl.db.schema import Column, ForeignKey, Schema, TableSchema, read_manifest
from hgl.db.yaml_file import yaml_text
from hgl.errors import HglError
from hgl.typing import Stype
from tests.fuzz.cases import fuzz, outcome
from tests.fuzz.hostile import damaged, mutated, names, trees

SHOP = Schema(
    "shop",
    {
        "users": TableSchema(
            "users",
            (Column("id", "int64"), Column("joined", "timestamp[us]", "timestamp", "said")),
            pkey=("id",),
            row_col="_row",
            time_col="joined",
            num_rows=2,
        ),
        "orders": TableSchema(
            "orders",
            (Column("user", "int64"), Column("note", "string", "text_embedded")),
            fkeys=(ForeignKey("user", ("user",), "users", ("id",), "_row_user"),),
        ),
    },
)
OVERRIDES = {
    "tables": {
        "users": {"pkey": ["id"], "time_col": "joined", "null_times": "visible"},
        "orders": {
            "fkeys": {"user": {"columns": ["user"], "parent": "users", "parent_columns": ["id"]}},
            "columns": {"note": "categorical"},
        },
    }
}


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """Schemas of hostile names: columns, keys, foreign keys to any table."""
    tables = {}
    named = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    for name in named:
        columns = draw(st.lists(names, min_size=1, max_size=4, unique=True))
        some = st.lists(st.sampled_from(columns), min_size=1, max_size=2, unique=True).map(tuple)
        fkeys = [
            ForeignKey(label, draw(some), draw(st.sampled_from(named)), draw(some), draw(names))
            for label in draw(st.lists(names, max_size=2, unique=True))
        ]
        stypes = st.none() | st.sampled_from(get_args(Stype))
        tables[name] = TableSchema(
            name,
            tuple(Column(c, "string", draw(stypes), draw(names)) for c in columns),
            pkey=draw(st.just(()) | some),
            row_col=draw(st.none() | names),
            time_col=draw(st.none() | st.sampled_from(columns)),
            fkeys=tuple(fkeys),
            num_rows=draw(st.integers(0, 2**40)),
        )
    return Schema(draw(names), tables, description=draw(names), defects={draw(names): 3})


@fuzz(0.15)
@given(schema=schemas())
def test_a_schema_is_read_as_it_was_written(schema: Schema) -> None:
    text = yaml_text(schema.to_manifest())
    assert outcome(lambda: Schema.from_manifest(yaml.safe_load(text))) == schema


@fuzz(0.35)
@given(manifest=mutated(SHOP.to_manifest()))
def test_a_changed_manifest_is_a_schema_or_refused(manifest: Any) -> None:
    found = outcome(lambda: Schema.from_manifest(manifest))
    if isinstance(found, Schema):
        assert outcome(lambda: Schema.from_manifest(found.to_manifest())) == found
        files = [table_file(Path("folder/db"), name) for name in found.tables]
        assert all(file.parent == Path("folder/db") for file in files)


@fuzz(0.4)
@given(manifest=mutated(OVERRIDES) | trees())
def test_overrides_name_what_is_there_or_are_refused(manifest: Any) -> None:
    found = outcome(lambda: apply_keys(SHOP, read_overrides(manifest)))
    if not isinstance(found, Schema):
        return
    for table in found.tables.values():
        known = {column.name for column in table.columns}
        assert {*table.pkey, *(c for f in table.fkeys for c in f.columns)} <= known
        assert table.time_col is None or table.time_col in known
        assert all(set(f.parent_columns) <= {"id", "joined", "user", "note"} for f in table.fkeys)
        retyped = outcome(lambda t=table: apply_stypes(t, read_overrides(manifest)))
        assert isinstance(retyped, HglError | TableSchema)


@fuzz(0.1)
@given(content=damaged(yaml.safe_dump(SHOP.to_manifest()).encode()))
def test_a_damaged_manifest_file_is_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    (folder / "manifest.yaml").write_bytes(content)
    outcome(lambda: Schema.from_manifest(read_manifest(folder / "manifest.yaml")))
    outcome(lambda: Database.open(folder))
