"""Whether a database has what a plan names, and a function the window it is asked for."""

from __future__ import annotations

import re

from hgl.aggregates.answers import PERIODS
from hgl.aggregates.feature import OF_TIME, Feature, Function
from hgl.aggregates.paths import anchor_table, path_keys
from hgl.aggregates.plan import FeaturePlan
from hgl.db.schema import Schema
from hgl.errors import ConfigError, SchemaError

_INSTANT = re.compile("-?[0-9]{1,12}")
_PHASES = [f"{period} {wave}" for period in PERIODS for wave in ("sin", "cos")]
_OWN: tuple[Function, ...] = ("value", "age", *OF_TIME)
_SECONDS: tuple[Function, ...] = ("count", "mean", "share")
_NO_WINDOW: tuple[Function, ...] = ("last", "distinct", *_OWN)


def check(schema: Schema, plan: FeaturePlan) -> None:
    """Check a plan against a database.

    Raises: SchemaError: a table, column or foreign key is absent, or a source's path does not lead
        to its anchor. ConfigError: a function is asked for what it does not have.
    """
    schema.table(plan.entity_table)
    for feature in plan.features:
        try:
            _check_parts(feature)
            _check_places(schema, plan.entity_table, feature)
        except SchemaError as error:
            raise SchemaError(f"feature {feature.name!r}: {error}") from None


def _check_places(schema: Schema, entity_table: str, feature: Feature) -> None:
    table, source = entity_table, feature.source
    if source is not None:
        table = source.table
        anchor = anchor_table(schema, entity_table, feature.anchor)
        via = feature.anchor.via
        if via is not None and (found := path_keys(schema, via)[-1].parent) != entity_table:
            raise SchemaError(f"its anchor's rows lead to {found!r}, not to {entity_table!r}")
        if (found := path_keys(schema, source)[-1].parent) != anchor:
            raise SchemaError(f"its path leads to {found!r}, not to {anchor!r}")
    if feature.column is not None:
        schema.table(table).column(feature.column)


def _check_parts(feature: Feature) -> None:
    function, window = feature.function, feature.window
    needs_column = function not in ("count", "days", *OF_TIME)
    wrong = {
        "column": (feature.column is not None) != needs_column,
        "source": (feature.source is None) != (function in _OWN),
        "source path": feature.source is not None and not feature.source.path,
        "anchor": feature.anchor.via is not None
        and (feature.anchor.fkey is None or not feature.anchor.via.path),
        "value": (feature.value is not None) != (function in ("share", *OF_TIME)),
        "phase": function == "phase" and feature.value not in _PHASES,
        "instant": function == "since" and not _INSTANT.fullmatch(str(feature.value)),
        "categorical": feature.categorical and function not in ("last", "value"),
        "window": (window.rows is not None and (window.rows < 1 or function in _NO_WINDOW))
        or (window.seconds is not None and (window.seconds < 1 or function not in _SECONDS))
        or (window.rows is not None and window.seconds is not None),
    }
    for part, is_wrong in wrong.items():
        if is_wrong:
            raise ConfigError(f"feature {feature.name!r}: a {function} has no such {part}")
