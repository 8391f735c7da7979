"""Each of the eleven leak and time traps, seeded into the shop, is flagged where it was put.

That the shop without it is not flagged is said in `test_clean`, for every check.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hgl.audit.case import Case, Check
from hgl.audit.suspicions.base_rates import base_rates
from hgl.audit.suspicions.early_answers import early_answers
from hgl.audit.suspicions.frozen_seeds import frozen_seeds
from hgl.audit.suspicions.future_filter import future_filter
from hgl.audit.suspicions.growing_tables import growing_tables
from hgl.audit.suspicions.instant_twins import instant_twins
from hgl.audit.suspicions.null_times import null_times
from hgl.audit.suspicions.scaled_columns import scaled_columns
from hgl.audit.suspicions.seed_instants import seed_instants
from hgl.audit.suspicions.stale_files import stale_files
from hgl.audit.suspicions.stale_labels import stale_labels
from hgl.audit.suspicions.units import mixed_units
from hgl.tasks.labels import label_table
from hgl.tasks.task import Task
from tests.audit.suspicions import shop
from tests.audit.suspicions.shop import SQL, buys, case, found, opened, tables

VAL = pd.Timestamp(shop.VAL)


def places(check: Check, of: Case) -> list[str]:
    return [finding.place for finding in found(check, of)]


def test_1_seconds_read_as_milliseconds() -> None:
    content = tables()
    at = content["orders"]["at"]
    epoch = at.astype("datetime64[s]").astype("int64")
    wrong = pd.to_datetime(epoch, unit="ms").astype("datetime64[us]")
    content["orders"]["at"] = at.where(content["orders"]["order_id"] % 5 > 0, wrong)
    assert places(mixed_units, case(opened(content))) == ["orders.at"]


def test_2_rows_at_the_seed_time() -> None:
    content = tables()
    content["orders"]["at"] = content["orders"]["at"].dt.floor("D")
    db = opened(content)
    assert places(seed_instants, case(db)) == ["train seeds", "val seeds", "test seeds"]
    assert not found(seed_instants, case(db, cut="strict"))


@pytest.fixture(scope="module")
def with_invoices() -> Case:
    """Each order has an invoice of its own instant, and its amount is on it with the tax."""
    content = tables()
    orders = content["orders"]
    content["invoices"] = pd.DataFrame(
        {
            "invoice_id": orders["order_id"],
            "customer_id": orders["customer_id"],
            "at": orders["at"],
            "total": orders["amount"] * 1.19,
            "page": np.random.default_rng(1).integers(1, 99, len(orders)),
        }
    )
    invoices = {
        "pkey": ["invoice_id"],
        "time_col": "at",
        "fkeys": {"customer_id": "customers"},
        "columns": {"total": "numerical", "page": "numerical"},
    }
    task = Task(
        name="amount",
        entity_table="orders",
        entity_col=("order_id",),
        target_col="amount",
        kind="regression",
        timedelta=1,
        autocomplete=True,
    )
    return case(opened(content, {"invoices": invoices}), task, policy="rolling")


def test_3_twins_of_the_same_instant(with_invoices: Case) -> None:
    assert places(instant_twins, with_invoices) == ["invoices.total"]
    strict = Case(with_invoices.db, with_invoices.task, with_invoices.policy, "strict")
    assert not found(instant_twins, strict)


def test_4_seeds_later_than_a_frozen_database(clean: Case) -> None:
    task = buys(num_eval_timestamps=3)
    (finding,) = found(frozen_seeds, case(clean.db, task))
    assert finding.evidence.endswith("by 20 days at most")
    assert not found(frozen_seeds, case(clean.db, task, policy="rolling"))


def test_5_answers_dated_before_they_are_known(clean: Case) -> None:
    past = label_table(clean.task, clean.db, "train")
    answers = {
        "pkey": ["answer_id"],
        "time_col": "at",
        "fkeys": {"customer_id": "customers"},
        "columns": {"bought": "boolean"},
    }

    def kept(since: pd.Timedelta) -> Case:
        table = past.rename(columns={"timestamp": "at", "buys": "bought"})
        table = table.assign(at=table["at"] + since, answer_id=range(len(table)))
        return case(opened({**tables(), "answers": table}, {"answers": answers}))

    assert places(early_answers, kept(pd.Timedelta(0))) == ["answers.bought"]
    assert not found(early_answers, kept(pd.Timedelta(seconds=clean.task.timedelta)))


UNBOUNDED = SQL.replace(" AND o.at <= t.timestamp\n", "\n")
"""Active since 60 days ago or at any time to come."""


def test_6_a_filter_that_selects_on_the_future(clean: Case) -> None:
    assert UNBOUNDED != SQL
    assert places(future_filter, case(clean.db, buys(sql=UNBOUNDED))) == ["label sql"]


def test_6_label_files_of_those_who_act(clean: Case, tmp_path: Path) -> None:
    for name in ("active", "all"):
        (tmp_path / name).mkdir()
        for split in ("train", "val", "test"):
            labels = label_table(clean.task, clean.db, split)
            kept = labels[labels["buys"]] if name == "active" else labels
            kept.to_parquet(tmp_path / name / f"{split}.parquet")
    active = buys(sql=None, folder=tmp_path / "active")
    assert places(future_filter, case(clean.db, active)) == ["label files"]
    assert not found(future_filter, case(clean.db, buys(sql=None, folder=tmp_path / "all")))


def test_7_a_table_without_time_that_grows() -> None:
    content = tables()
    late = content["orders"]["at"] > VAL
    newest = content["customers"]["customer_id"].max() // 2
    content["orders"].loc[~late, "customer_id"] %= newest
    static = {"customers": {"pkey": ["customer_id"], "time_col": None}}
    assert places(growing_tables, case(opened(content, static))) == ["customers"]
    assert not found(growing_tables, case(opened(tables(), static)))


@pytest.mark.parametrize("null_time", ["visible", "hidden"])
def test_7_null_times(null_time: str) -> None:
    content = tables()
    content["orders"].loc[content["orders"]["order_id"] % 9 == 0, "at"] = pd.NaT
    orders = {**shop.MANIFEST["tables"]["orders"], "null_times": null_time}
    (finding,) = found(null_times, case(opened(content, {"orders": orders})))
    assert finding.place == "orders.at"
    assert finding.severity == ("suspicion" if null_time == "visible" else "note")


def test_8_a_column_scaled_by_rows_after_training() -> None:
    content = tables()
    orders = content["orders"]
    later = orders["amount"].where(orders["at"] < VAL, orders["amount"] * 3)

    def scaled(by: pd.Series) -> Case:
        column = (later - by.mean()) / by.std()
        return case(opened({**content, "orders": orders.assign(amount=column)}))

    assert places(scaled_columns, scaled(later)) == ["orders.amount"]
    assert not found(scaled_columns, scaled(later[orders["at"] < VAL]))


def test_9_files_that_changed_under_what_was_cached(tmp_path: Path) -> None:
    db = opened(tables(), out=tmp_path / "arranged")
    file = db.path("customers")
    customers = pd.read_parquet(file)
    customers["age"] += 1
    customers.to_parquet(file)
    assert places(stale_files, case(db)) == ["shop"]


def test_10_labels_that_are_not_those_of_the_sql(clean: Case, tmp_path: Path) -> None:
    labels = label_table(clean.task, clean.db, "val")
    labels.to_parquet(tmp_path / "val.parquet")
    assert not found(stale_labels, case(clean.db, buys(folder=tmp_path)))
    labels.loc[:6, "buys"] = ~labels.loc[:6, "buys"]
    labels.iloc[:-2].to_parquet(tmp_path / "val.parquet")
    (finding,) = found(stale_labels, case(clean.db, buys(folder=tmp_path)))
    assert finding.place == "val.parquet"
    assert "7 differ and 2 are in one" in finding.evidence


def test_11_a_base_rate_that_drifts() -> None:
    content = tables()
    orders = content["orders"]
    fewer = (orders["at"] < VAL) | (orders["order_id"] % 3 == 0)
    assert places(base_rates, case(opened({**content, "orders": orders[fewer]}))) == ["target buys"]
