"""A whole audit, of a shop with several traps."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from inspect import getmembers, isfunction
from pkgutil import iter_modules
from typing import get_type_hints

import pandas as pd

from hgl.audit import suspicions
from hgl.audit.audit import audit
from hgl.audit.case import Case, Check
from hgl.results.finding import Finding
from tests.audit.suspicions.shop import MANIFEST, case, opened, tables

HELPERS = {"asked", "ranks", "shown"}
"""Modules beside the checks that hold none."""


def trapped() -> Case:
    """Points as they stood at the end, orders that tell when they were delivered, days later, and
    every ninth without a time, though visible."""
    content = tables()
    customers, orders = content["customers"], content["orders"]
    bought = customers["customer_id"].map(orders.groupby("customer_id").size()).fillna(0)
    content["customers"] = customers.assign(points=5 * bought.astype(int))
    orders["delivered"] = orders["at"] + pd.Timedelta(days=3)
    orders.loc[orders["order_id"] % 9 == 0, "at"] = pd.NaT
    stated = {**MANIFEST["tables"]["orders"], "null_times": "visible"}
    stated["columns"] = {**stated["columns"], "delivered": "timestamp"}
    return case(opened(content, {"orders": stated}))


def test_an_audit_names_every_trap_and_proves_no_leak() -> None:
    found = audit(trapped(), [], seeds=4)
    assert {(f.check, f.place) for f in found.of("suspicion")} == {
        ("snapshot counter", "customers.points"),
        ("later time", "orders.delivered"),
        ("late record", "orders.delivered"),
        ("null time", "orders.at"),
    }
    assert [f.check for f in found.of("note")] == ["planted column"]
    assert not list(found.of("leak"))
    assert {what.split(" (")[0] for what in found.comparisons} == {"batch", "columns", "statistics"}
    assert min(found.comparisons.values()) > 0


def checks_of(module: str) -> list[Check]:
    """The public functions that a module of suspicions defines and that are checks."""
    loaded = import_module(f"{suspicions.__name__}.{module}")
    return [
        function
        for name, function in getmembers(loaded, isfunction)
        if function.__module__ == loaded.__name__
        and not name.startswith("_")
        and get_type_hints(function) == {"case": Case, "return": Iterator[Finding]}
    ]


def test_every_check_that_stands_in_the_folder_is_made() -> None:
    modules = {module.name for module in iter_modules(suspicions.__path__)}
    found = {module: checks_of(module) for module in modules}
    assert {module for module, checks in found.items() if not checks} == HELPERS
    assert all(len(checks) <= 1 for checks in found.values())
    standing = {check for checks in found.values() for check in checks}
    assert standing == set(suspicions.SUSPICIONS)
    assert len(suspicions.SUSPICIONS) == len(standing)
