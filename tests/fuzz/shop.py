"""Users and their purchases, few enough to count by hand."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import pandas as pd

from hgl.db.database import Database

USERS = pd.DataFrame(
    {
        "user_id": [1, 2, 3],
        "joined": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-02-20"]),
        "city": ["Oslo", None, 'a"b'],
    }
)
PURCHASES = pd.DataFrame(
    {
        "pid": range(8),
        "user_id": [1, 1, 2, 3, 2, 1, 3, 3],
        "at": pd.to_datetime([f"2020-{m:02}-{d:02}" for m in (2, 3) for d in (1, 8, 15, 22)]),
        "amount": [1.0, 2.0, None, 4.0, 5.0, 6.0, -7.0, 8.0],
    }
)
MANIFEST = {
    "tables": {
        "users": {"pkey": "user_id", "time_col": "joined"},
        "purchases": {"pkey": "pid", "time_col": "at", "fkeys": {"user_id": "users"}},
    }
}


@functools.cache
def database() -> Database:
    """Return the shop, made once."""
    return Database.open(
        {"users": USERS, "purchases": PURCHASES},
        name="shop",
        manifest=MANIFEST,
        val_timestamp="2020-03-01",
        test_timestamp="2020-03-15",
        out=Path(tempfile.mkdtemp(prefix="hgl-fuzz-")) / "shop",
    )
