"""Small files that stand for endless data, and manifests that lead elsewhere."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from hgl.db.database import Database
from hgl.db.unpacked import check_unpacked
from hgl.db.yaml_file import read_yaml
from hgl.errors import CacheError, HglError, SchemaError, SourceError
from hgl.tasks.task import Task

ROWS = 1 << 20


def test_a_parquet_bomb_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hgl.db.unpacked._LARGE", ROWS // 2)
    bomb = tmp_path / "bomb"
    bomb.mkdir()
    pages = {"data_page_size": 1 << 30, "max_rows_per_page": ROWS, "use_dictionary": False}
    table = pa.table({"id": pa.repeat(0, ROWS)})
    pq.write_table(table, bomb / "t.parquet", compression="zstd", **pages)
    said = r"table 't': t\.parquet has \d+ bytes and unpacks to \d+ or more; expected at most"
    with pytest.raises(SourceError, match=said):
        Database.open(bomb, out=tmp_path / "out")
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "t.parquet").symlink_to(bomb / "t.parquet")
    (tmp_path / "manifest.yaml").write_text("tables: {t: {pkey: null}}")
    with pytest.raises(SourceError, match=said):
        Database.open(tmp_path)


@pytest.mark.parametrize(("ending", "kind"), [(".csv.gz", "gzip"), (".tsv.zst", "zstd")])
def test_a_bomb_of_text_is_refused_and_leaves_nothing(
    ending: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hgl.db.unpacked._LARGE", ROWS)
    bomb = tmp_path / "bomb"
    bomb.mkdir()
    with pa.CompressedOutputStream(bomb / f"t{ending}", kind) as stream:
        for _ in range(32):
            stream.write(b"0\n" * (ROWS // 2))
    assert (bomb / f"t{ending}").stat().st_size < 1 << 16
    said = rf"table 't': t{ending}, as far as it was read, has \d+ bytes and unpacks to \d+ or more"
    with pytest.raises(SourceError, match=said):
        Database.open(bomb, out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == [bomb]


def test_text_that_packs_well_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hgl.db.unpacked._LARGE", 0)
    rows = pd.DataFrame({"id": range(1 << 12), "same": "always the same text"})
    for name, kind in (("t.csv.gz", "gzip"), ("u.csv.zst", "zstd")):
        with pa.CompressedOutputStream(tmp_path / name, kind) as stream:
            stream.write(rows.to_csv(index=False).encode())
    db = Database.open(tmp_path, out=tmp_path / "out")
    assert [len(db.frame(name)) for name in "tu"] == [1 << 12] * 2


def test_repetitive_tables_are_no_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hgl.db.unpacked._LARGE", 0)
    pd.DataFrame({"id": range(1 << 16), "same": 1.0}).to_parquet(tmp_path / "t.parquet")
    check_unpacked("t", tmp_path / "t.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 9, b"id,at\n1,2\n", b"PK\3\4"])
def test_what_is_no_parquet(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(SourceError, match="cannot be read"):
        Database.open(tmp_path)


LAUGHS = "a0: &a0 [ha, ha]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
MERGES = "a0: &a0 {x: 1, y: 2}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 12)
)
TRICKS = {
    "merges": (MERGES, "stands for more than 1000000 values"),
    "billions": (LAUGHS, "stands for more than 1000000 values"),
    "itself": ("a: &a [*a]", "stands for more than 1000000 values"),
    "tag": (
        "!!python/object/apply:os.system ['touch planted']",
        "cannot be read as YAML: could not determine",
    ),
    "name": ("a: !!python/name:os.system ''", "cannot be read as YAML"),
    "depth": ("[" * 900_000, "is nested more than 100 levels deep"),
    "time": ("a: 2024-99-99", "cannot be read as YAML"),
    "number": (f"a: {'9' * 5000}", "cannot be read as YAML"),
    "bytes": ("a: \x00", "cannot be read as YAML"),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_yaml_tricks_are_one_error(
    trick: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content, said = TRICKS[trick]
    (tmp_path / "x.yaml").write_text(content)
    with pytest.raises(SourceError, match=said) as raised:
        read_yaml(tmp_path / "x.yaml")
    assert "\n" not in str(raised.value)
    for reader in (Task.from_yaml, lambda file: Database.open({}, manifest=file)):
        with pytest.raises(HglError, match=said):
            reader(tmp_path / "x.yaml")
    assert not (tmp_path / "planted").exists()


ELSEWHERE = ["../../secret", "/etc/passwd", "..", ".", "a/../../secret", "C:\\secret", "secret\0"]


@pytest.mark.parametrize("table", ELSEWHERE)
def test_a_manifest_leads_nowhere_else(table: str, tmp_path: Path) -> None:
    pd.DataFrame({"id": [0]}).to_parquet(tmp_path / "secret.parquet")
    folder = tmp_path / "a" / "b"
    (folder / "db").mkdir(parents=True)
    pd.DataFrame({"id": [0]}).to_parquet(folder / "db" / "t.parquet")
    tables = {"t": {"pkey": "id"}, table: {"pkey": "id"}}
    (folder / "manifest.yaml").write_text(yaml.safe_dump({"tables": tables}))
    with pytest.raises(SourceError, match="has no file"):
        Database.open(folder)


def test_an_arranged_folder_leads_nowhere_else(tmp_path: Path) -> None:
    out = tmp_path / "arranged"
    Database.open({"t": pd.DataFrame({"id": [0]})}, name="x", out=out)
    manifest = (out / "manifest.yaml").read_text()
    for wrong in ("../../secret", "/etc/passwd"):
        (out / "manifest.yaml").write_text(manifest.replace("    t:", f"    {wrong}:"))
        with pytest.raises((CacheError, SchemaError)):
            Database.open(out)
    (out / "manifest.yaml").write_text(manifest)
    (out / "db" / "t.parquet").unlink()
    (out / "db" / "t.parquet").symlink_to("/etc/passwd")
    with pytest.raises(CacheError, match="expected the table as it was ingested"):
        Database.open(out)


def test_a_table_called_like_a_path_stays_in_its_folder(tmp_path: Path) -> None:
    frames = {name: pd.DataFrame({"id": [1]}) for name in ELSEWHERE if "\0" not in name}
    db = Database.open(frames, name="x", out=tmp_path / "in" / "out")
    assert [file.name for file in tmp_path.iterdir()] == ["in"]
    assert sorted(file.name for file in (tmp_path / "in").iterdir()) == ["out"]
    assert db.frame("../../secret")["id"].tolist() == [1]


@pytest.mark.parametrize("odd", [*"\x85\u2028\u2029\r\n\t\x1b\ufeff\x7f"])
def test_odd_line_ends_stay_in_names(odd: str, tmp_path: Path) -> None:
    name = f"a{odd}b"
    out = tmp_path / "out"
    Database.open({name: pd.DataFrame({name: [1, 2]})}, name=name, out=out)
    assert list(Database.open(out).frame(name)) == [name, "_row"]
