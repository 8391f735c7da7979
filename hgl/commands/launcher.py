"""Where a command's work is done."""

from __future__ import annotations

import logging
import os
from types import ModuleType
from typing import Literal

from hgl.errors import MissingExtra, SourceError

Launcher = Literal["local", "ray"]
"""On this machine, or by the workers of a Ray cluster."""


def connect_ray(cpus: int | None = None) -> ModuleType:
    """Return Ray, connected to the cluster at `RAY_ADDRESS`, or to one that ends with this process.

    Args:
        cpus: that the latter counts on this machine; None for its cores.
    Raises: MissingExtra: Ray is absent. SourceError: no cluster answers at the address.
    """
    try:
        import ray
    except ImportError:
        raise MissingExtra("ray", "ray", "launcher=ray") from None
    if ray.is_initialized():
        return ray
    address = os.environ.get("RAY_ADDRESS")
    try:
        ray.init(
            address or "local",
            num_cpus=None if address else cpus,
            include_dashboard=None if address else False,
            logging_level=logging.WARNING,
            log_to_driver=False,
        )
    except Exception as error:  # Ray raises this very class too
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        expected = "a Ray cluster that answers, of this version of Ray"
        raise SourceError(
            f"launcher='ray', RAY_ADDRESS={address!r}: expected {expected} ({said})"
        ) from None
    return ray
