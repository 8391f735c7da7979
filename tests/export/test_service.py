"""The service: right answers, one clear refusal for everything else, and no way to make it hang."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from hgl.aggregates.live.features import LiveFeatures
from hgl.aggregates.table import FeatureTable
from hgl.db import times
from hgl.db.database import Database
from hgl.errors import ConfigError, SourceError
from hgl.export.artefact import Artefact
from hgl.export.limits import Limits
from hgl.export.question import Row, iso, read_rows
from hgl.export.refusal import Refusal
from hgl.export.service import run_service, service
from tests.db.conftest import engine, scratch
from tests.db.own_server import PostgreSQL, own_server
from tests.export import shop

LATER = "2024-07-01"


@pytest.fixture(scope="module")
def client(artefact: Artefact, features: LiveFeatures) -> Iterator[TestClient]:
    with TestClient(service(artefact, features)) as client:
        yield client


def ask(client: TestClient, *rows: Mapping[str, Any]) -> Any:
    return client.post("/predict", json={"rows": rows})


def test_it_answers_with_the_students_predictions(
    client: TestClient, artefact: Artefact, features: LiveFeatures
) -> None:
    answer = ask(client, *({"id": i, "time": LATER} for i in (3, 1, 2)))
    table = features.fetch([{"id": i} for i in (3, 1, 2)], [times.instant(LATER)] * 3)
    expected = artefact.scorer(table)
    assert answer.status_code == 200
    found = answer.json()["predictions"]
    assert [f["key"] for f in found] == [{"id": 3}, {"id": 1}, {"id": 2}]
    assert [f["prediction"] for f in found] == pytest.approx(list(expected), abs=1e-6)
    assert all(f["time"] == "2024-07-01T00:00:00Z" and f["warnings"] == [] for f in found)


def test_it_answers_alike_from_postgresql(
    client: TestClient, artefact: Artefact, db: Database, tmp_path: Path
) -> None:
    rows = [{"id": i, "time": LATER} for i in range(1, 9)]
    with scratch("postgresql", tmp_path) as url:
        copy(db, url)
        live = LiveFeatures.open(url, db.schema, artefact.manifest.plan)
        with closing(live), TestClient(service(artefact, live)) as other:
            found = ask(other, *rows).json()["predictions"]
    expected = ask(client, *rows).json()["predictions"]
    assert [f["prediction"] for f in found] == pytest.approx([e["prediction"] for e in expected])


def copy(db: Database, url: str) -> None:
    """Write the tables of the shop into an empty database."""
    with engine(url).begin() as connection:
        for table in ("customers", "orders"):
            db.frame(table).to_sql(table, connection, index=False)
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD PRIMARY KEY (id)")


def test_it_outlives_its_database_server(artefact: Artefact, db: Database) -> None:
    """Whatever connections it has kept; away means 503 at once, back means the same answers."""
    rows = [{"id": i, "time": LATER} for i in range(1, 9)]
    with own_server(PostgreSQL) as server:
        copy(db, server.url)
        live = LiveFeatures.open(server.url, db.schema, artefact.manifest.plan)
        with closing(live), TestClient(service(artefact, live)) as client:

            def at_once(*asked: Mapping[str, Any]) -> list[Any]:
                with ThreadPoolExecutor(4) as threads:
                    return list(threads.map(lambda _: ask(client, *asked), range(8)))

            before = [answer.json() for answer in (ask(client, *rows), *at_once(rows[0]))]
            server.stop()
            for answer in (ask(client, *rows), *at_once(rows[0])):
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
                (said,) = answer.json().values()
                assert re.fullmatch(r"the database does not answer \(log entry \w{12}\)", said)
            assert client.get("/health").status_code == 200
            server.start()
            after = [answer.json() for answer in (ask(client, *rows), *at_once(rows[0]))]
            server.restart()  # unnoticed: nobody asks meanwhile
            unnoticed = [answer.json() for answer in (*at_once(rows[0]), ask(client, *rows))]
    assert "predictions" in before[0]
    assert after == before
    assert unnoticed == [*before[1:], before[0]]


def test_rows_do_not_influence_each_other(client: TestClient) -> None:
    rows = [{"id": i, "time": LATER} for i in range(1, 9)]
    together = ask(client, *rows).json()["predictions"]
    alone = [ask(client, row).json()["predictions"][0] for row in rows]
    assert [t["prediction"] for t in together] == pytest.approx([a["prediction"] for a in alone])


@pytest.mark.parametrize(
    ("time", "used"),
    [
        ("2024-07-01T12:00:00+02:00", "2024-07-01T10:00:00Z"),
        ("2024-07-01T12:00:00.9Z", "2024-07-01T12:00:00Z"),
        ("1960-01-01T00:00:00.5", "1960-01-01T00:00:00Z"),
        ("0001-01-01", "0001-01-01T00:00:00Z"),
    ],
)
def test_times_are_utc_and_whole_seconds(client: TestClient, time: str, used: str) -> None:
    (answer,) = ask(client, {"id": 1, "time": time}).json()["predictions"]
    assert answer["time"] == used


def test_no_time_is_now(client: TestClient) -> None:
    for row in ({"id": 1}, {"id": 1, "time": None}):
        (answer,) = ask(client, row).json()["predictions"]
        assert abs(times.instant(answer["time"]) - times.instant("now")) < 10


@pytest.mark.parametrize(
    ("time", "warning"),
    [
        ("2024-06-01", "in sample"),
        ("2024-06-01T00:00:01", None),
        ("2025-06-01", None),
        ("2025-06-01T00:00:01", "stale: too long after the student's cut-off 2024-06-01"),
    ],
)
def test_times_on_either_side_of_the_cutoff_are_marked(
    client: TestClient, time: str, warning: str | None
) -> None:
    (answer,) = ask(client, {"id": 1, "time": time}).json()["predictions"]
    assert [w[: len(warning or "")] for w in answer["warnings"]] == ([warning] if warning else [])


def test_stale_rows_may_be_refused(artefact: Artefact, features: LiveFeatures) -> None:
    limits = Limits(stale="refuse", max_staleness=10 * shop.DAY)
    with TestClient(service(artefact, features, limits=limits)) as client:
        stale, fresh = {"id": 1, "time": LATER}, {"id": 2, "time": "2024-06-02"}
        assert ask(client, stale).status_code == 409
        assert "too long after" in ask(client, stale).json()["error"]
        mixed = ask(client, stale, fresh)
        assert mixed.status_code == 200
        assert ["error" in answer for answer in mixed.json()["predictions"]] == [True, False]


def test_unknown_rows(client: TestClient) -> None:
    alone = ask(client, {"id": 999})
    assert (alone.status_code, alone.json()) == (404, {"error": "customers has no row with id=999"})
    known, unknown = {"id": 1, "time": LATER}, {"id": 999, "time": LATER}
    mixed = ask(client, unknown, known, unknown)
    assert mixed.status_code == 200
    assert ["error" in answer for answer in mixed.json()["predictions"]] == [True, False, True]
    assert mixed.json()["predictions"][1] == ask(client, known).json()["predictions"][0]
    assert ask(client, unknown, unknown).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "the body is not JSON"),
        (b"{", 400, "the body is not JSON"),
        (b"\xff\xfe", 400, "the body is not JSON"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b'{"rows": [{"id": NaN}]}', 400, "NaN is no JSON number"),
        (b'{"rows": [{"id": -Infinity}]}', 400, "-Infinity is no JSON number"),
        (b'{"rows": [{"id": 1e999}]}', 400, "too large"),
        (b'{"rows": [{"id": 1, "id": 2}]}', 400, "a name twice"),
        (b'{"rows": [{"id": ' + b"9" * 5000 + b"}]}", 400, "the body is not JSON"),
        (b"null", 422, 'expected an object with one list: {"rows": [...]}'),
        (b'{"rows": 3}', 422, "expected an object with one list"),
        (b'{"rows": [{"id": 1}], "x": 1}', 422, "expected an object with one list"),
        (b'{"rows": []}', 422, "rows is empty"),
        (b'{"rows": [3]}', 422, "rows[0] is 3: expected an object"),
        (b'{"rows": [{"id": 1}, {}]}', 422, "rows[1] has no 'id': expected id, time"),
        (b'{"rows": [{"id": 1, "x": 2}]}', 422, 'rows[0] has "x": expected only id, time'),
        (b'{"rows": [{"id": "1"}]}', 422, 'rows[0].id="1": expected a whole number of 64 bits'),
        (b'{"rows": [{"id": true}]}', 422, "rows[0].id=true: expected a whole number"),
        (b'{"rows": [{"id": null}]}', 422, "rows[0].id=null: expected a whole number"),
        (b'{"rows": [{"id": 1.0}]}', 422, "rows[0].id=1.0: expected a whole number"),
        (b'{"rows": [{"id": 9223372036854775808}]}', 422, "expected a whole number of 64 bits"),
        (b'{"rows": [{"id": 1, "time": "soon"}]}', 422, 'rows[0].time="soon": expected ISO text'),
        (b'{"rows": [{"id": 1, "time": "0001-01-01T00:00+10:00"}]}', 422, "expected ISO text"),
        (b'{"rows": [{"id": 1, "time": 5}]}', 422, "rows[0].time=5: expected ISO text or null"),
    ],
)
def test_bad_requests(client: TestClient, body: bytes, status: int, message: str) -> None:
    answer = client.post("/predict", content=body)
    assert answer.status_code == status
    assert message in answer.json()["error"]
    assert len(answer.json()["error"]) < 200


def test_requests_that_are_too_large(artefact: Artefact, features: LiveFeatures) -> None:
    with TestClient(service(artefact, features, limits=Limits(rows=2, body=200))) as client:
        rows = [{"id": 1, "time": LATER}] * 3
        assert ask(client, *rows[:2]).status_code == 200
        assert ask(client, *rows).json() == {"error": "3 rows: expected at most 2"}
        assert ask(client, *rows).status_code == 413
        in_parts = client.post("/predict", content=iter([b" " * 150] * 2))
        assert in_parts.status_code == 413
        assert in_parts.json() == {"error": "the body is too large: expected at most 200 bytes"}


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/x", 404), ("GET", "/predict", 405)]
)
def test_other_addresses(client: TestClient, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, [*answer.json()]) == (status, ["error"])


def test_it_describes_itself(client: TestClient, artefact: Artefact) -> None:
    assert client.get("/health").json() == {"status": "ok", "task": "late"}
    schema = client.get("/schema").json()
    assert schema["inputs"] == {"id": "integer", "time": "time, or null for now"}
    assert schema["tier"] == "row+agg"
    assert schema["cutoff"] == "2024-06-01T00:00:00Z"
    assert [c["name"] for c in schema["columns"]] == [
        f.name for f in artefact.manifest.plan.features
    ]
    operation = client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["rows"]["items"]["required"] == ["id"]
    assert {*operation["responses"]} == {"200", "400", "404", "409", "413", "422", "500", "503"}


def test_it_counts_what_it_does(artefact: Artefact, features: LiveFeatures) -> None:
    with TestClient(service(artefact, features)) as client:
        ask(client, {"id": 1}, {"id": 2}, {"id": 999})
        ask(client, {"id": 999})
        client.get("/a/path/of/a/client")
        lines = client.get("/metrics").text.splitlines()
    assert "hgl_rows_total 2.0" in lines
    assert 'hgl_requests_total{path="/predict",status="200"} 1.0' in lines
    assert 'hgl_requests_total{path="/predict",status="404"} 1.0' in lines
    assert 'hgl_requests_total{path="other",status="404"} 1.0' in lines
    assert 'hgl_request_seconds_count{path="/predict"} 2.0' in lines
    assert "hgl_requests_in_flight 1.0" in lines, "this one"


class Slow:
    """Columns that come when they are let."""

    def __init__(self, features: LiveFeatures) -> None:
        self._features = features
        self.go, self.asked = threading.Event(), threading.Semaphore(0)

    def fetch(self, keys: Sequence[Mapping[str, Any]], times: Sequence[int]) -> FeatureTable:
        self.asked.release()
        assert self.go.wait(30)
        return self._features.fetch(keys, times)


def wait_for(client: TestClient, line: str) -> None:
    end = time.monotonic() + 10
    while line not in client.get("/metrics").text.splitlines():
        assert time.monotonic() < end


def test_more_than_it_can_do_is_refused_at_once(artefact: Artefact, features: LiveFeatures) -> None:
    slow = Slow(features)
    app = service(artefact, slow, limits=Limits(workers=2, queue=1, timeout=30))
    with TestClient(app) as client, ThreadPoolExecutor(3) as threads:
        first = [threads.submit(ask, client, {"id": 1, "time": LATER}) for _ in range(2)]
        assert slow.asked.acquire(timeout=10)
        assert slow.asked.acquire(timeout=10)
        waiting = threads.submit(ask, client, {"id": 1, "time": LATER})
        wait_for(client, "hgl_requests_in_flight 4.0")  # this question among them
        refused = ask(client, {"id": 1})
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "1"
        assert "busy" in refused.json()["error"]
        assert client.get("/health").status_code == 200
        slow.go.set()
        assert [f.result(10).status_code for f in [*first, waiting]] == [200, 200, 200]
        assert ask(client, {"id": 1}).status_code == 200


def test_a_database_that_hangs_takes_no_request_with_it(
    artefact: Artefact, features: LiveFeatures
) -> None:
    slow = Slow(features)
    app = service(artefact, slow, limits=Limits(workers=1, queue=1, timeout=0.2))
    with TestClient(app) as client:
        late = ask(client, {"id": 1})
        assert (late.status_code, late.headers["Retry-After"]) == (503, "1")
        assert late.json()["error"] == "not done within 0.2 s: try again later"
        assert ask(client, {"id": 1}).status_code == 503, "waits in the queue, in vain"
        slow.go.set()
        assert ask(client, {"id": 1}).status_code == 200


class Broken:
    """Columns that cannot be had."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def fetch(self, keys: Sequence[Mapping[str, Any]], times: Sequence[int]) -> FeatureTable:
        raise self._error


@pytest.mark.parametrize(("kind", "status"), [(RuntimeError, 500), (SourceError, 503)])
def test_failures_tell_clients_nothing_but_where_to_look(
    artefact: Artefact, kind: type[Exception], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Broken(kind("SELECT secret FROM postgresql://me:password@host"))
    with TestClient(service(artefact, broken)) as client:
        answer = ask(client, {"id": 1})
    assert answer.status_code == status
    assert not {"SELECT", "password", "Traceback"} & {*answer.text.replace(":", " ").split()}
    (record,) = [r for r in caplog.records if r.levelno >= logging.ERROR]
    (name,) = record.args  # type: ignore[misc]
    assert str(name) in answer.json()["error"]


ROWS = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers(-5, 25) | st.floats() | st.text() | st.none() | st.integers(),
        "time": st.none() | st.datetimes().map(str) | st.text() | st.integers(),
        "extra": st.integers(),
    },
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)
BODIES = (
    st.binary(max_size=300)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.lists(ROWS, max_size=5).map(lambda rows: json.dumps({"rows": rows}).encode())
)


@settings(max_examples=400)
@given(body=BODIES, kind=st.sampled_from(["integer", "number", "boolean", "time", "text"]))
def test_whatever_is_sent_is_rows_or_refused(body: bytes, kind: str) -> None:
    rows = read_rows_or_status(body, kind)
    if isinstance(rows, int):
        assert rows in (400, 413, 422)
    else:
        assert 1 <= len(rows) <= 4
        assert all([*row.key] == ["id"] and iso(row.time).endswith("Z") for row in rows)


def read_rows_or_status(body: bytes, kind: str) -> list[Row] | int:
    try:
        return read_rows(body, {"id": kind}, most=4, now=0)
    except Refusal as refusal:
        return refusal.status


@settings(max_examples=60)
@given(body=BODIES)
def test_whatever_is_sent_gets_an_answer(client: TestClient, body: bytes) -> None:
    answer = client.post("/predict", content=body)
    assert answer.status_code in (200, 400, 404, 422)
    assert [*answer.json()] == ["predictions" if answer.status_code == 200 else "error"]


def test_what_no_service_can_have(artefact: Artefact, features: LiveFeatures) -> None:
    with pytest.raises(ConfigError, match="workers=0"):
        Limits(workers=0)
    with pytest.raises(ConfigError, match="stale='ignore': expected one of warn, refuse"):
        Limits(stale="ignore")  # type: ignore[arg-type]
    app = service(artefact, features)
    with pytest.raises(ConfigError, match="port=99999: expected 0 to 65535"):
        run_service(app, port=99999)
    with pytest.raises(ConfigError, match="host='no-such-host'"):
        run_service(app, host="no-such-host")
