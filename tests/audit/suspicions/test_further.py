"""What else the checks look for, seeded into the shop and flagged where it was put."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hgl.audit.case import Case
from hgl.audit.suspicions.clock_changes import clock_changes
from hgl.audit.suspicions.counters import snapshot_counters
from hgl.audit.suspicions.forward_keys import forward_keys
from hgl.audit.suspicions.late_records import late_records
from hgl.audit.suspicions.later_times import later_times
from hgl.audit.suspicions.newcomers import newcomers
from hgl.audit.suspicions.told_labels import told_labels
from hgl.audit.suspicions.units import mixed_units
from hgl.audit.suspicions.windows import windows
from hgl.tasks.labels import label_table
from tests.audit.suspicions import shop
from tests.audit.suspicions.shop import SQL, buys, case, found, opened, tables
from tests.audit.suspicions.test_traps import places

CUSTOMERS = shop.MANIFEST["tables"]["customers"]
ORDERS = shop.MANIFEST["tables"]["orders"]


def test_a_counter_as_it_stood_at_the_end() -> None:
    content = tables()
    bought = content["orders"].groupby("customer_id").size()
    customers = content["customers"]
    customers["points"] = 5 * customers["customer_id"].map(bought).fillna(0).astype(int)
    (finding,) = found(snapshot_counters, case(opened(content)))
    assert finding.place == "customers.points"
    assert "rank correlation 1.00" in finding.evidence
    assert "the number of later rows of orders" in finding.evidence


def test_a_column_that_falls_with_time_counts_nothing() -> None:
    content = tables()
    content["orders"]["price"] = 90_000 - content["orders"]["order_id"] // 7
    random = np.random.default_rng(0)
    refunds = content["orders"].sample(3000, random_state=0).sort_index()
    lag = random.integers(1, 60 * 86400, len(refunds))
    refunds = pd.DataFrame(
        {
            "refund_id": range(len(refunds)),
            "order_id": refunds["order_id"].to_numpy(),
            "at": refunds["at"].to_numpy() + pd.to_timedelta(lag, unit="s"),
        }
    )
    content["refunds"] = refunds[refunds["at"] < content["orders"]["at"].max()]
    stated = {
        "refunds": {"pkey": ["refund_id"], "time_col": "at", "fkeys": {"order_id": "orders"}},
        "orders": {**ORDERS, "columns": {"price": "numerical"}},
    }
    assert not found(snapshot_counters, case(opened(content, stated)))


def test_a_counter_of_another_table_is_known_by_its_name() -> None:
    content = tables()
    customers, orders = content["customers"], content["orders"]
    bought = customers["customer_id"].map(orders.groupby("customer_id").size()).fillna(0)
    content["customers"] = customers.assign(pieces=bought.astype(int))
    stated = {"customers": {**CUSTOMERS, "columns": {"pieces": "numerical"}}}
    flagged = places(snapshot_counters, case(opened(content, stated)))
    assert flagged == ["customers.pieces", "orders.pieces"]


def test_what_the_task_removes_is_not_flagged() -> None:
    content = tables()
    bought = content["orders"].groupby("customer_id").size()
    customers = content["customers"]
    customers["points"] = customers["customer_id"].map(bought).fillna(0).astype(int)
    task = buys(remove_columns=(("customers", "points"),))
    assert not found(snapshot_counters, case(opened(content), task))


def test_a_time_that_is_later_than_its_row() -> None:
    content = tables()
    content["customers"]["seen"] = content["customers"]["joined"] + pd.Timedelta(days=90)
    stated = {"customers": {**CUSTOMERS, "columns": {"seen": "timestamp"}}}
    assert places(later_times, case(opened(content, stated))) == ["customers.seen"]


def test_a_column_that_is_the_label(clean: Case) -> None:
    content = tables()
    labels = label_table(clean.task, clean.db, "train")
    usual = labels.groupby("customer_id")["buys"].first()
    customers = content["customers"]
    customers["loyal"] = customers["customer_id"].map(usual).fillna(False).astype(bool)
    sql = SQL.replace("COUNT(o.order_id) > 0 AS buys", "bool_or(c.loyal) AS buys").replace(
        "GROUP BY", "JOIN customers c ON c.customer_id = a.customer_id GROUP BY"
    )
    task = buys(sql=sql)
    assert places(told_labels, case(opened(content), task)) == ["customers.loyal"]


@pytest.mark.parametrize(
    ("answer", "copy", "flagged"),
    [
        pytest.param("MAX(c.worth)", lambda w, n: w + 0.05 * n, True, id="a little noise"),
        pytest.param("MAX(c.worth)", lambda w, n: np.exp(-3 * w), True, id="a falling function"),
        pytest.param("MAX(c.worth)", lambda w, n: w + n, False, id="as much noise as answer"),
        pytest.param("MAX(c.worth)", lambda w, n: n, False, id="nothing but noise"),
        pytest.param("MAX(c.worth) > 0", lambda w, n: np.exp(w), True, id="a rising function"),
        pytest.param(
            "MAX(c.worth) > 0", lambda w, n: (w > 0) ^ (n > 2.5), True, id="one in 150 is wrong"
        ),
        pytest.param(
            "MAX(c.worth) > 0", lambda w, n: (w > 0) ^ (n > 1.3), False, id="one in ten is wrong"
        ),
    ],
)
def test_a_column_that_is_almost_the_label(
    answer: str, copy: Callable[[np.ndarray, np.ndarray], np.ndarray], flagged: bool
) -> None:
    """The answer itself is a column, too, which the task removes."""
    content = tables()
    worth, noise = np.random.default_rng(0).normal(size=(2, shop.CUSTOMERS))
    customers = content["customers"].assign(worth=worth, copy=copy(worth, noise))
    sql = SQL.replace("COUNT(o.order_id) > 0", answer).replace(
        "GROUP BY", "JOIN customers c ON c.customer_id = a.customer_id GROUP BY"
    )
    kind = "binary" if ">" in answer else "regression"
    task = buys(sql=sql, kind=kind, remove_columns=(("customers", "worth"),))
    told = places(told_labels, case(opened(content | {"customers": customers}), task))
    assert told == (["customers.copy"] if flagged else [])


def test_windows_that_reach_into_the_next_split(clean: Case, tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        labels = label_table(clean.task, clean.db, split)
        labels["timestamp"] += pd.Timedelta(days=1 if split == "train" else -1)
        labels.to_parquet(tmp_path / f"{split}.parquet")
    findings = found(windows, case(clean.db, buys(folder=tmp_path)))
    assert [(f.place, "are earlier" in f.evidence) for f in findings] == [
        ("train labels", False),
        ("val labels", True),
        ("test labels", True),
    ]


def test_orders_that_are_recorded_days_later() -> None:
    content = tables()
    delay = np.random.default_rng(0).integers(3600, 3 * 86400, len(content["orders"]))
    content["orders"]["booked"] = content["orders"]["at"] + pd.to_timedelta(delay, unit="s")
    assert places(late_records, case(opened(content))) == ["orders.booked"]


def test_a_last_access_is_no_record_of_the_event() -> None:
    content = tables()
    end = content["orders"]["at"].max()
    at = content["orders"]["at"]
    content["orders"]["looked_at"] = at + (end - at) * np.random.default_rng(0).random(len(at))
    assert not found(late_records, case(opened(content)))


def test_labels_about_customers_who_are_not_there_yet() -> None:
    content = tables()
    customers = content["customers"]
    late = customers["customer_id"] % 4 == 0
    customers["joined"] = customers["joined"].where(~late, pd.Timestamp("2023-05-20"))
    flagged = places(newcomers, case(opened(content)))
    assert flagged == ["train labels", "val labels"]


def test_labels_about_customers_whom_nothing_mentions_yet() -> None:
    static = {"customers": {"pkey": ["customer_id"], "time_col": None}}
    everybody = SQL.replace(
        "o.at > t.timestamp - INTERVAL '60 days' AND o.at <= t.timestamp", "TRUE"
    )
    db = opened(tables(), static)
    assert places(newcomers, case(db, buys(sql=everybody))) == ["train labels"]
    assert not found(newcomers, case(db))


def test_keys_that_name_later_rows() -> None:
    content = tables()
    orders = content["orders"]
    orders["reordered_as"] = orders.groupby("customer_id")["order_id"].shift(-1).astype("Int64")
    stated = {**ORDERS, "fkeys": {**ORDERS["fkeys"], "reordered_as": "orders"}}
    assert places(forward_keys, case(opened(content, {"orders": stated}))) == [
        "orders.reordered_as"
    ]


def test_grams_beside_kilograms() -> None:
    content = tables()
    orders = content["orders"]
    weight = np.random.default_rng(0).lognormal(0, 0.3, len(orders))
    orders["amount"] = np.where(orders["order_id"] % 10 == 0, 1000, 1) * weight
    assert places(mixed_units, case(opened(content))) == ["orders.amount"]


def test_a_local_clock() -> None:
    content = tables()
    orders = content["orders"]
    utc = shop.START + pd.to_timedelta(np.linspace(0, 199 * 86400, 200_000), unit="s").floor("s")

    def told(zone: str) -> Case:
        local = utc.tz_localize("UTC").tz_convert(zone).tz_localize(None)
        many = orders.sample(len(utc), replace=True, random_state=0).reset_index(drop=True)
        many = many.assign(order_id=range(len(many)), at=local.astype("datetime64[us]"))
        return case(opened({**content, "orders": many}))

    assert places(clock_changes, told("Europe/Berlin")) == ["orders.at"]
    assert not found(clock_changes, told("UTC"))
