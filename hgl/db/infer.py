"""Keys, time columns and column types that nobody declared: the public face.

Every function returns what it filled in together with its findings; `report` renders those for
people. What is already declared stays, so a manifest overrides anything.
"""

from __future__ import annotations

from hgl.db.infer_columns import infer_columns
from hgl.db.infer_findings import Evidence, Finding, report
from hgl.db.infer_keys import infer_keys
from hgl.db.infer_time import infer_time

__all__ = ["Evidence", "Finding", "infer_columns", "infer_keys", "infer_time", "report"]
