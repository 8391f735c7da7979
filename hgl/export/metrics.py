"""What a service counts of itself, in Prometheus' text."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hgl.errors import MissingExtra

try:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
except ImportError:
    raise MissingExtra("prometheus-client", "serve", "serving a student") from None

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
PATHS = ("/health", "/schema", "/predict", "/metrics")
"""Others are counted together: a label must not grow with what clients think of."""


class Metrics:
    """Counters of one service, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.rows = Counter("hgl_rows", "Rows predicted", registry=self._registry)
        self._requests = Counter(
            "hgl_requests", "Requests answered", ["path", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "hgl_request_seconds",
            "From a request to its answer",
            ["path"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._in_flight = Gauge(
            "hgl_requests_in_flight", "Requests not answered yet", registry=self._registry
        )

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return generate_latest(self._registry)

    def start(self) -> float:
        """Note that a request has come; returns when, for `end`."""
        self._in_flight.inc()
        return time.perf_counter()

    def end(self, started: float, path: str, status: int) -> None:
        """Note how a request was answered."""
        place = path if path in PATHS else "other"
        self._in_flight.dec()
        self._requests.labels(place, status).inc()
        self._seconds.labels(place).observe(time.perf_counter() - started)


class Measured:
    """ASGI middleware that counts every request, those that nobody answered as 499."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = 499, self._metrics.start()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._metrics.end(started, scope["path"], status)
