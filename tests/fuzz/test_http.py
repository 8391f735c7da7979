"""Requests of any shape: the student's own answer, or a status and a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from hgl.aggregates.live.features import LiveFeatures
from hgl.db import times
from hgl.export.artefact import Artefact
from hgl.export.service import service
from tests.export import shop
from tests.fuzz.cases import check_message, fuzz, outcome
from tests.fuzz.hostile import NAMES, damaged, mutated

PATHS = st.sampled_from(["/", "/health", "/schema", "/metrics", "/predict", "/docs", "//predict"])
PATHS |= st.sampled_from(["/../predict", "/predict/", "/%2e%2e/etc/passwd", "/predict?a=1", "/%00"])
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"])
VALID = {"rows": [{"id": 3, "time": "2024-07-01"}, {"id": 4, "time": None}]}
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "accept", "content-encoding", "x-forwarded-for", "expect"]),
    st.sampled_from(["", "application/json", "gzip", "*/*", "text/html", "../..", "100-continue"]),
    max_size=3,
)


@pytest.fixture(scope="module")
def client(artefact: Artefact, features: LiveFeatures) -> Iterator[TestClient]:
    with TestClient(service(artefact, features)) as client:
        yield client


def _encoded(value: Any) -> bytes:
    return json.dumps(value, default=str).encode()


@fuzz(0.7)
@given(
    method=METHODS,
    path=PATHS,
    headers=HEADERS,
    body=damaged(_encoded(VALID)) | mutated(VALID).map(_encoded) | st.binary(max_size=20),
)
def test_any_request_is_answered(
    client: TestClient, method: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    answer = outcome(lambda: client.request(method, path, headers=headers, content=body))
    assert not isinstance(answer, Exception)
    assert answer.status_code in (200, 307, 400, 404, 405, 413, 422)
    if answer.status_code >= 400 and method != "HEAD":
        assert [*answer.json()] == ["error"]
        check_message(answer.json()["error"])


KEYS = st.integers(-2, shop.CUSTOMERS + 3) | st.integers() | st.sampled_from(NAMES)
TIMES = st.sampled_from(["2024-07-01", "2024-06-02T03:04:05+02:00", "0001-01-01", "9999-12-31"])
TIMES |= st.datetimes().map(str) | st.sampled_from(NAMES)


@fuzz(0.3)
@given(rows=st.lists(st.fixed_dictionaries({"id": KEYS, "time": TIMES}), min_size=1, max_size=3))
def test_answers_are_the_students(
    client: TestClient, artefact: Artefact, features: LiveFeatures, rows: list[dict[str, Any]]
) -> None:
    answer = outcome(lambda: client.post("/predict", content=_encoded({"rows": rows})))
    assert not isinstance(answer, Exception)
    if answer.status_code != 200:
        assert answer.status_code in (400, 404, 422), answer.text
        return
    for row, found in zip(rows, answer.json()["predictions"], strict=True):
        known = row["id"] in range(1, shop.CUSTOMERS + 1)
        assert known == ("prediction" in found)
        if known:
            table = features.fetch([{"id": row["id"]}], [times.instant(row["time"])])
            (expected,) = artefact.scorer(table)
            assert found["prediction"] == pytest.approx(expected, abs=1e-6)
