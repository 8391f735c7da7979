"""A student over HTTP: health, schema, predictions and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import signal
import socket
import threading
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import hgl
from hgl.errors import ConfigError, MissingExtra, SourceError, check_range
from hgl.export.artefact import Artefact
from hgl.export.gate import Gate
from hgl.export.limits import Limits
from hgl.export.metrics import Measured, Metrics
from hgl.export.openapi import described, predict_docs
from hgl.export.predictor import Features, Predictor
from hgl.export.question import TIME, key_types, read_rows
from hgl.export.refusal import Refusal

try:
    import uvicorn
    from fastapi import FastAPI, Request, Response
    from fastapi.responses import JSONResponse
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect
except ImportError:
    raise MissingExtra("FastAPI and uvicorn", "serve", "serving a student") from None

log = logging.getLogger(__name__)
_RETRY = {"Retry-After": "1"}
_CONNECTIONS = 1000
_GRACE = 10
"""Seconds that requests may take to end once the service is told to."""


def service(artefact: Artefact, features: Features, *, limits: Limits | None = None) -> FastAPI:
    """Return the app that answers for a student.

    Args:
        artefact: the student.
        features: where the columns of rows come from, such as a live database.
        limits: what it takes on before it says no; None: the usual.

    Raises: ConfigError: a key column has a name that requests use for something else.
    """
    limits = limits or Limits()
    types = key_types(artefact.manifest)
    if TIME in types:
        raise ConfigError(f"key column {TIME!r}: requests state the time asked about under it")
    predictor = Predictor(artefact, features, limits)
    gate, metrics = Gate(limits.workers, limits.queue), Metrics()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        gate.close()

    name = artefact.manifest.task.name
    app = FastAPI(title=f"hgl: {name}", version=hgl.__version__, lifespan=lifespan, redoc_url=None)
    app.add_middleware(Measured, metrics=metrics)
    app.add_exception_handler(HTTPException, _http_error)

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Whether the service answers."""
        return {"status": "ok", "task": name}

    @app.get("/schema")
    async def schema() -> dict[str, Any]:
        """What is asked, what is answered, and from what."""
        return described(artefact.manifest, types, limits)

    @app.get("/metrics", response_class=Response)
    async def prometheus() -> Response:
        """Counters, as Prometheus reads them."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    @app.post("/predict", **predict_docs(types, limits))
    async def predict(request: Request) -> Response:
        """Predict for rows of the entity table, each at its time."""

        async def answer() -> Response:
            body = await _body(request, limits.body)
            rows = read_rows(body, types, limits.rows, int(time.time()))
            answers = await gate.run(functools.partial(predictor.answers, rows))
            metrics.rows.inc(sum("prediction" in a for a in answers))
            return JSONResponse({"predictions": answers})

        return await _answered(answer, limits.timeout)

    return app


def run_service(
    app: FastAPI,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    started: Callable[[str], None] = log.info,
) -> None:
    """Serve until SIGTERM or SIGINT, then let requests end; returns when they have.

    Args:
        host: address to bind; the default is reached from this machine only.
        port: to bind; 0 takes a free one.
        started: told the service's URL once it is bound.

    Raises: ConfigError: the address is none, or cannot be bound.
    """
    with contextlib.closing(_bound(host, port)) as bound, _absorbed_signals():
        address = f"[{host}]" if ":" in host else host
        started(f"http://{address}:{bound.getsockname()[1]}")
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE,
        )
        uvicorn.Server(config).run(sockets=[bound])


async def _answered(answer: Callable[[], Awaitable[Response]], timeout: float) -> Response:
    """Answer in any case, in time, with nothing in it that clients should not see."""
    try:
        async with asyncio.timeout(timeout):
            return await answer()
    except Refusal as refusal:
        return _error(refusal.status, str(refusal))
    except TimeoutError:
        return _error(503, f"not done within {timeout:g} s: try again later")
    except ClientDisconnect:
        return _error(400, "the request ended too early")
    except Exception as error:  # SQL, paths and passwords stay in the log
        name = uuid.uuid4().hex[:12]
        log.exception("request %s failed", name)
        if isinstance(error, SourceError):
            return _error(503, f"the database does not answer (log entry {name})")
        return _error(500, f"internal error (log entry {name})")


async def _body(request: Request, most: int) -> bytes:
    """Read a request's body. Raises: Refusal: it has more than `most` bytes."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise Refusal(413, f"the body is too large: expected at most {most} bytes")
    return bytes(body)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, str(error.detail))


def _error(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, status, _RETRY if status == 503 else None)


def _bound(host: str, port: int) -> socket.socket:
    check_range("port", port, 0, 65535)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(f"host={host!r}, port={port}: cannot be bound ({error})") from None
    # Connections inherit it. asyncio only sets it on sockets that name their protocol, and without
    # it an answer's second packet waits 40 ms for a client's acknowledgement of the first.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


@contextlib.contextmanager
def _absorbed_signals() -> Iterator[None]:
    """Uvicorn stops at these signals, then raises them again: by then they have done their work."""
    stops = (signal.SIGINT, signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {stop: signal.signal(stop, lambda *_: None) for stop in stops}
    try:
        yield
    finally:
        for stop, handler in before.items():
            signal.signal(stop, handler)
