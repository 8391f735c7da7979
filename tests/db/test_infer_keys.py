"""Keys are found where they were planted, and false friends are left alone."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hgl.db.infer import infer_keys, report
from hgl.db.schema import ForeignKey, TableSchema
from tests.db.undeclared import Values, opened

CITIES = ["Oslo", "Lima", "Kyiv", "Bonn"]


def keyed(tables: Mapping[str, Values]) -> dict[str, TableSchema]:
    connection, schemas = opened(tables)
    return infer_keys(connection, schemas)[0]


def references(tables: Mapping[str, Values]) -> set[tuple[str, str]]:
    """Return the inferred foreign keys as `child.columns`, `parent.columns`."""
    return {
        (f"{t.name}.{'+'.join(f.columns)}", f"{f.parent}.{'+'.join(f.parent_columns)}")
        for t in keyed(tables).values()
        for f in t.fkeys
    }


def numbers(count: int, below: int, seed: int = 0) -> list[int]:
    rng = random.Random(seed)
    return [rng.randint(1, below) for _ in range(count)]


def serial(count: int) -> list[int]:
    return list(range(1, count + 1))


def test_serial_numbers_of_other_tables_are_false_friends() -> None:
    tables = {
        "customers": {"id": serial(50), "name": [f"c{i} d" for i in range(50)]},
        "products": {"id": serial(80), "label": [f"p{i} q" for i in range(80)]},
        "orders": {
            "id": serial(300),
            "customer_id": numbers(300, 50),
            "quantity": numbers(300, 9),
            "rank": numbers(300, 40),
            "status_id": numbers(300, 4),
        },
    }
    assert references(tables) == {("orders.customer_id", "customers.id")}


def test_a_bare_name_needs_values_that_are_no_counts() -> None:
    tracks = {"id": serial(3000), "label": [f"t{i} u" for i in range(3000)]}
    on_disc = {"id": serial(500), "track": numbers(500, 15)}
    plays = {"id": serial(500), "track": numbers(500, 3000)}
    found = references({"tracks": tracks, "disc_entries": on_disc, "plays": plays})
    assert found == {("plays.track", "tracks.id")}


def test_roles_point_at_the_table_they_name() -> None:
    tables = {
        "users": {"Id": serial(60), "Reputation": numbers(60, 900)},
        "posts": {
            "Id": serial(200),
            "OwnerUserId": numbers(200, 60),
            "LastEditorUserId": [*numbers(120, 60), *[None] * 80],
            "ParentId": [None, *numbers(199, 200)],
            "PostTypeId": numbers(200, 5),
        },
    }
    assert references(tables) == {
        ("posts.OwnerUserId", "users.Id"),
        ("posts.LastEditorUserId", "users.Id"),
        ("posts.ParentId", "posts.Id"),
    }


def test_verbs_point_at_the_same_table_and_at_people() -> None:
    tables = {
        "Employee": {"EmployeeId": serial(20), "ReportsTo": [None, *numbers(19, 20)]},
        "Shippers": {"ShipperID": serial(3), "Phone": ["1", "2", "3"]},
        "Orders": {
            "OrderID": serial(100),
            "ShipVia": numbers(100, 3),
            "ShipName": ["a b"] * 100,
            "SalesRepId": numbers(100, 20),
        },
    }
    assert references(tables) == {
        ("Employee.ReportsTo", "Employee.EmployeeId"),
        ("Orders.ShipVia", "Shippers.ShipperID"),
        ("Orders.SalesRepId", "Employee.EmployeeId"),
    }


def test_names_may_be_glued_abbreviated_and_prefixed() -> None:
    tables = {
        "dept": {"deptno": serial(8), "dname": CITIES * 2},
        "emp": {"empno": serial(40), "mgr": [None, *numbers(39, 40)], "deptno": numbers(40, 8)},
        "tbl_customer": {"custid": serial(30), "note": ["a b"] * 30},
        "calls": {"callid": serial(90), "cust_id": numbers(90, 30)},
    }
    assert references(tables) == {
        ("emp.mgr", "emp.empno"),
        ("emp.deptno", "dept.deptno"),
        ("calls.cust_id", "tbl_customer.custid"),
    }


def test_codes_are_found_by_their_values_alone() -> None:
    codes = [f"{a}{b}{c}" for a in "ABCDE" for b in "FGHIJ" for c in "KLMNO"]
    rng = random.Random(1)
    tables = {
        "airports": {"faa": codes, "title": [f"{c} field" for c in codes]},
        "flights": {
            "origin": [rng.choice(codes[:4]) for _ in range(400)],
            "dest": [rng.choice(codes) for _ in range(396)] + ["XXX"] * 4,
            "status": [rng.choice(["late", "ok", "off"]) for _ in range(400)],
            "remark": [rng.choice(["AFK", "ZZZ", "YYY", "XYZ"]) for _ in range(400)],
        },
    }
    assert references(tables) == {
        ("flights.origin", "airports.faa"),
        ("flights.dest", "airports.faa"),
    }


def test_dangling_keys_are_tolerated_where_the_name_is_the_same() -> None:
    tails = [f"N{i:05d}" for i in range(300)]
    rng = random.Random(2)
    flown = [rng.choice(tails) if i % 7 else f"X{i:05d}" for i in range(2000)]
    tables = {
        "planes": {"tailnum": tails, "seats": numbers(300, 99)},
        "flights": {"tailnum": [*flown, *[None] * 100], "delay": numbers(2100, 50)},
    }
    assert references(tables) == {("flights.tailnum", "planes.tailnum")}


def test_mostly_dangling_values_are_no_reference() -> None:
    tables = {
        "users": {"id": serial(50), "label": ["a b"] * 50},
        "events": {"id": serial(200), "user_id": [5000 + i for i in range(200)]},
    }
    assert references(tables) == set()


def test_nothing_refers_to_a_column_that_repeats() -> None:
    tables = {
        "users": {"user_id": [1, 2, 2, 3], "label": CITIES},
        "events": {"event_id": serial(50), "user_id": numbers(50, 3)},
    }
    found = keyed(tables)
    assert found["users"].pkey == ()
    assert found["events"].fkeys == ()


def test_attributes_shared_by_tables_are_no_keys() -> None:
    tables = {
        "suppliers": {"id": serial(4), "city": CITIES, "email": [f"{c}@x.org" for c in CITIES]},
        "customers": {"id": serial(40), "city": CITIES * 10, "status": ["new", "old"] * 20},
        "people": {"id": serial(4), "name": CITIES},
        "places": {"id": serial(4), "name": CITIES},
    }
    assert references(tables) == set()


def test_a_type_belongs_to_its_own_table() -> None:
    tables = {
        "artist_type": {"id": serial(6), "name": ["a", "b", "c", "d", "e", "f"]},
        "area_type": {"id": serial(6), "name": ["a", "b", "c", "d", "e", "f"]},
        "artist": {"id": serial(90), "type": numbers(90, 6), "gender": numbers(90, 3)},
        "area": {"id": serial(90), "type": numbers(90, 6)},
        "label": {"id": serial(90), "type": numbers(90, 6)},
    }
    assert references(tables) == {
        ("artist.type", "artist_type.id"),
        ("area.type", "area_type.id"),
    }


def test_a_serial_number_in_every_table_is_no_reference() -> None:
    patients = [10_000 + 7 * i for i in range(60)]
    rng = random.Random(3)
    tables = {
        "patients": {"row_id": serial(60), "subject_id": patients},
        "admissions": {
            "row_id": serial(90),
            "subject_id": [rng.choice(patients) for _ in range(90)],
        },
    }
    found = keyed(tables)
    assert references(tables) == {("admissions.subject_id", "patients.subject_id")}
    assert found["patients"].pkey == ("subject_id",)
    assert found["admissions"].pkey == ("row_id",)


def test_a_table_of_pairs_is_keyed_by_both() -> None:
    pairs = [(a, b) for a in serial(20) for b in serial(30) if (a * b) % 3]
    tables = {
        "Playlist": {"PlaylistId": serial(20), "Name": ["a b"] * 20},
        "Track": {"TrackId": serial(30), "Name": ["a b"] * 30},
        "PlaylistTrack": {"PlaylistId": [a for a, _ in pairs], "TrackId": [b for _, b in pairs]},
    }
    assert keyed(tables)["PlaylistTrack"].pkey == ("PlaylistId", "TrackId")


def test_lines_are_keyed_by_their_order_and_number() -> None:
    lines = [(order, line) for order in serial(100) for line in serial(1 + order % 6)]
    tables = {
        "orders": {"order_id": serial(100), "note": ["a b"] * 100},
        "order_lines": {
            "order_id": [o for o, _ in lines],
            "line_no": [n for _, n in lines],
            "amount": [float(o * n) for o, n in lines],
        },
    }
    assert keyed(tables)["order_lines"].pkey == ("order_id", "line_no")


def test_sparse_pairs_are_distinct_by_accident() -> None:
    tables = {
        "users": {"id": serial(500), "label": ["a b"] * 500},
        "ads": {"id": serial(500), "label": ["a b"] * 500},
        "clicks": {
            "user_id": [*serial(399), 7],
            "ad_id": [*reversed(serial(399)), 9],
            "position": numbers(400, 5),
        },
    }
    assert keyed(tables)["clicks"].pkey == ()


def test_composite_keys_are_referred_to_by_name() -> None:
    hours = [f"2013-01-{d:02d}T{h:02d}:00:00Z" for d in range(1, 11) for h in range(24)]
    ports = ["EWR", "JFK", "LGA"]
    rng = random.Random(4)
    tables = {
        "weather": {
            "origin": [p for p in ports for _ in hours],
            "time_hour": hours * 3,
            "temp": [rng.random() for _ in range(720)],
        },
        "flights": {
            "origin": [rng.choice(ports) for _ in range(1000)],
            "time_hour": [rng.choice(hours) for _ in range(1000)],
            "delay": numbers(1000, 60),
        },
    }
    assert keyed(tables)["weather"].pkey == ("origin", "time_hour")
    assert references(tables) == {("flights.origin+time_hour", "weather.origin+time_hour")}


def test_siblings_keyed_alike_are_no_parents() -> None:
    rows = [(p, y) for p in serial(60) for y in range(1990, 2000)]
    season = {"player_id": [p for p, _ in rows], "year_id": [y for _, y in rows]}
    tables = {
        "players": {"player_id": serial(60), "label": ["a b"] * 60},
        "batting": {**season, "hits": numbers(600, 90)},
        "pitching": {**season, "strikes": numbers(600, 90, seed=1)},
    }
    assert references(tables) == {
        ("batting.player_id", "players.player_id"),
        ("pitching.player_id", "players.player_id"),
    }


def test_names_decide_where_there_are_no_rows() -> None:
    def none(kind: pa.DataType) -> pa.Array:
        return pa.array([], kind)

    tables = {
        "Demographics": {"TypeID": none(pa.string()), "Text": none(pa.string())},
        "Customers": {"CustomerID": ["A", "B"], "City": ["Oslo", "Lima"]},
        "CustomerDemographics": {
            "CustomerID": none(pa.string()),
            "DemographicsID": none(pa.string()),
        },
    }
    assert references(tables) == {
        ("CustomerDemographics.CustomerID", "Customers.CustomerID"),
        ("CustomerDemographics.DemographicsID", "Demographics.TypeID"),
    }
    assert keyed(tables)["CustomerDemographics"].pkey == ("CustomerID", "DemographicsID")


def test_floats_and_text_that_hold_whole_numbers_refer_to_integers() -> None:
    tables = {
        "users": {"id": serial(40), "label": ["a b"] * 40},
        "visits": {"id": serial(90), "user_id": [None, *map(float, numbers(89, 40))]},
        "logins": {"id": serial(90), "user_id": [str(n) for n in numbers(90, 40)]},
    }
    assert references(tables) == {("visits.user_id", "users.id"), ("logins.user_id", "users.id")}


def test_text_that_stands_for_null_is_no_dangling_key() -> None:
    codes = [f"K{i:03d}" for i in range(50)]
    tables = {
        "regions": {"region_code": codes, "label": ["a b"] * 50},
        "shops": {"id": serial(100), "region_code": [*codes, *["\\N"] * 30, *[""] * 20]},
    }
    assert references(tables) == {("shops.region_code", "regions.region_code")}


def test_declared_keys_stay() -> None:
    connection, schemas = opened(
        {
            "users": {"id": serial(9), "badge": serial(9)},
            "events": {"id": serial(30), "user_id": numbers(30, 9), "badge_id": numbers(30, 9)},
        }
    )
    stated = ForeignKey("who", ("user_id",), "users", ("badge",), "who_row")
    schemas["users"] = dataclasses.replace(schemas["users"], pkey=("badge",))
    schemas["events"] = dataclasses.replace(schemas["events"], fkeys=(stated,))
    found, findings = infer_keys(connection, schemas)
    assert found["users"].pkey == ("badge",)
    assert stated in found["events"].fkeys
    assert [f for f in found["events"].fkeys if "user_id" in f.columns] == [stated]
    assert not [f for f in findings if f.kind == "pkey" and f.table == "users"]


def test_every_key_comes_with_its_reasons() -> None:
    connection, schemas = opened(
        {
            "odd table": {"Größe ID": serial(30), "select": ["a b"] * 30},
            "order": {"id": serial(90), "größe_id": serial(30) * 3},
        }
    )
    keys, findings = infer_keys(connection, schemas)
    kinds = {e.name for f in findings if f.kind == "fkey" for e in f.evidence}
    assert kinds == {"name", "type", "inclusion", "cardinality"}
    assert all(0 <= e.score <= 1 for f in findings for e in f.evidence)
    (fkey,) = keys["order"].fkeys
    assert (fkey.name, fkey.row_col) == ("größe_id", "größe_id_row")
    (line,) = [x for x in report(findings) if "foreign key" in x]
    assert line.startswith("order(größe_id): foreign key to odd table(Größe ID) (0.")
    assert "all 30 values found" in line


@pytest.mark.parametrize("rows", [0, 1])
def test_tables_almost_without_rows(rows: int) -> None:
    tables = {"users": {"id": pa.array(serial(rows), pa.int64())}, "empty": {"a": pa.array([])}}
    assert keyed(tables)["users"].pkey == ("id",)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from([1, 2, 3, 4, 5, None]), min_size=1, max_size=8),
    st.lists(st.sampled_from(["a", "b", "", None]), min_size=8, max_size=8),
)
def test_inferred_keys_always_hold(ids: list[int | None], codes: list[str | None]) -> None:
    """A primary key is unique and never null, and a reference goes to such a key."""
    tables: dict[str, Values] = {
        "item": {"item_id": pa.array(ids, pa.int64()), "code": codes[: len(ids)]},
        "sale": {"item_id": pa.array(reversed(ids), pa.int64()), "code": codes[: len(ids)]},
    }
    for table in keyed(tables).values():
        for name, columns in [(table.name, table.pkey)] + [
            (f.parent, f.parent_columns) for f in table.fkeys
        ]:
            rows = list(zip(*(_filled(tables[name][c]) for c in columns)))
            assert len(set(rows)) == len(rows)
            assert not any(None in row for row in rows)


def _filled(values: object) -> list[object]:
    listed = values.to_pylist() if isinstance(values, pa.Array) else values
    return [v or None for v in listed]  # type: ignore[attr-defined]
