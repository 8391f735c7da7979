"""Why a request gets no prediction."""

from __future__ import annotations

from hgl.errors import HglError


class Refusal(HglError):
    """A request, or one row of it, that cannot be answered; the text is for who sent it.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
