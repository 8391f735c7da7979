"""Two well-known databases, awkward parts included."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import relbench

from hgl.db.database import Database
from hgl.db.sql import reflect


@pytest.fixture(scope="module")
def chinook(shared_data: Path) -> str:
    """URL of Chinook."""
    return f"sqlite:///{shared_data / 'sqlite' / 'chinook.sqlite'}"


@pytest.fixture(scope="module")
def northwind(shared_data: Path) -> str:
    """URL of Northwind."""
    return f"sqlite:///{shared_data / 'sqlite' / 'northwind.sqlite'}"


def test_chinook(chinook: str) -> None:
    db = Database.open(chinook)
    db.validate()
    assert {t.name: t.num_rows for t in db.schema.tables.values()} == {
        "Album": 347, "Artist": 275, "Customer": 59, "Employee": 8, "Genre": 25, "Invoice": 412,
        "InvoiceLine": 2240, "MediaType": 5, "Playlist": 18, "PlaylistTrack": 8715, "Track": 3503,
    }  # fmt: skip
    assert sum(len(t.fkeys) for t in db.schema.tables.values()) == 11
    assert db.schema.table("PlaylistTrack").pkey == ("PlaylistId", "TrackId")
    assert [f.parent for f in db.schema.table("Employee").fkeys] == ["Employee"]
    assert db.schema.table("Invoice").time_col == "InvoiceDate"
    line = db.schema.table("InvoiceLine")
    assert (line.time_col, "inherited" in line.time_reason) == ("_time", True)
    lines = db.frame("InvoiceLine")
    dates = db.frame("Invoice").set_index("InvoiceId")["InvoiceDate"]
    assert lines["_time"].tolist() == dates[lines["InvoiceId"]].tolist()
    assert db.schema.defects == {"Employee.ReportsTo: null": 1}


def test_northwind(northwind: str) -> None:
    db = Database.open(northwind)
    db.validate()
    assert len(db.schema.tables) == 13
    assert not {"sqlite_sequence", "Invoices"} & set(db.schema.tables)
    assert db.schema.table("Order Details").pkey == ("OrderID", "ProductID")
    assert "inherited" in db.schema.table("Order Details").time_reason
    assert db.schema.defects == {
        "Categories.Picture: blob left out": 8,
        "Employees.Photo: blob left out": 9,
        "Employees.ReportsTo: null": 1,
    }
    assert db.schema.table("Orders").column("Freight").type == "double"
    assert len(db.frame("CustomerDemographics")) == 0
    assert db.row_positions("Customers", ["ALFKI", "nobody"]).tolist() == [0, -1]


def test_views_of_northwind(northwind: str) -> None:
    schema = reflect(northwind, include=["Orders"], views=["Invoices", "Order Subtotals"])
    assert list(schema.tables) == ["Invoices", "Order Subtotals", "Orders"]
    db = Database.open(northwind, include=[], views=["Order Subtotals"])
    assert db.schema.table("Order Subtotals").num_rows == 830
    assert db.schema.table("Order Subtotals").column("Subtotal").type == "double"


@pytest.mark.parametrize("name", ["chinook", "northwind"])
def test_relbench_reads_them(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    db = Database.open(request.getfixturevalue(name), out=tmp_path / name)
    found = relbench.load_dataset(str(tmp_path / name)).get_db()
    cut = db.upto(str(db.schema.test_timestamp))
    for table in db.schema.tables:
        assert len(found.table_dict[table].df) == len(cut.frame(table))


def test_processes_that_share_a_cache_agree(
    northwind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HGL_CACHE", str(tmp_path / "cache"))
    script = (
        "import sys; from hgl.db.database import Database; "
        "db = Database.open(sys.argv[1]); db.validate(); print(db.folder, db.fingerprint)"
    )
    command = [sys.executable, "-W", "error", "-c", script, northwind]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ.copy())
        for _ in range(3)
    ]
    said = {process.communicate()[0] for process in processes}
    assert len(said) == 1
    assert str(tmp_path / "cache") in said.pop()
