"""What a service says of itself, to people and to generators of clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hgl.export.limits import Limits
from hgl.export.manifest import Manifest, column
from hgl.export.question import TIME, iso

_TYPES: Mapping[str, Mapping[str, Any]] = {
    "time": {"type": "string", "format": "date-time"},
    "text": {"type": "string"},
}
_AT = {
    "type": ["string", "null"],
    "format": "date-time",
    "description": "The time asked about, UTC where it states no zone; null or absent: now.",
}
_REFUSALS = {
    400: "The body is not JSON; NaN, Infinity and names given twice are none.",
    404: "None of the rows exists.",
    409: "All rows are too long after the student's cut-off, and the service refuses those.",
    413: "Too many rows, or too many bytes.",
    422: "Columns are missing, not expected or of another type.",
    500: "A failure of the service; the log has more under the id stated.",
    503: "Busy, or not done in time: try again after `Retry-After` seconds.",
}


def described(manifest: Manifest, types: Mapping[str, str], limits: Limits) -> dict[str, Any]:
    """Return what `/schema` answers: what is asked, what is answered, and from what."""
    task, plan = manifest.task, manifest.plan
    longest = limits.max_staleness or manifest.max_staleness
    return {
        "task": task.name,
        "kind": task.kind,
        "entity_table": task.entity_table,
        "inputs": {**types, TIME: "time, or null for now"},
        "target": task.target,
        "horizon_seconds": task.timedelta,
        "classes": list(task.classes),
        "tier": manifest.tier,
        "columns": [column(f) for f in (*plan.numerical, *plan.categorical)],
        "cutoff": iso(manifest.cutoff),
        "max_staleness_seconds": longest,
        "stale": limits.stale,
        "limits": {"rows": limits.rows, "bytes": limits.body, "seconds": limits.timeout},
        "scores": dict(manifest.scores),
    }


def predict_docs(types: Mapping[str, str], limits: Limits) -> dict[str, Any]:
    """Return how OpenAPI describes `/predict`, as arguments of its route."""
    key = {name: {"type": kind, **_TYPES.get(kind, {})} for name, kind in types.items()}
    row = _object({**key, TIME: _AT}, required=[*key])
    rows = {"type": "array", "items": row, "minItems": 1, "maxItems": limits.rows}
    content = {"application/json": {"schema": _object({"rows": rows}, required=["rows"])}}
    return {
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
        "responses": {
            200: {
                "description": "One answer per row, in their order; at least one is a prediction.",
                "content": {"application/json": {"schema": _answers(key)}},
            },
            **{status: _refusal(text) for status, text in _REFUSALS.items()},
        },
    }


def _answers(key: Mapping[str, Any]) -> dict[str, Any]:
    probabilities = {"type": "object", "additionalProperties": {"type": "number"}}
    answer = {
        "key": _object(key, required=[*key]),
        "time": {"type": "string", "format": "date-time", "description": "The time used."},
        "prediction": {
            "description": "A probability or a value; where there are classes, one for each.",
            "anyOf": [{"type": "number"}, probabilities],
        },
        "warnings": {"type": "array", "items": {"type": "string"}},
        "error": {"type": "string", "description": "In place of a prediction."},
    }
    answers = {"type": "array", "items": _object(answer, required=["key", "time"])}
    return _object({"predictions": answers}, required=["predictions"])


def _refusal(text: str) -> dict[str, Any]:
    schema = _object({"error": {"type": "string"}}, required=["error"])
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _object(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }
