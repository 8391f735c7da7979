"""Every failure a user can cause is one of these: argument, value, expectation."""

from __future__ import annotations

import math


class HglError(ValueError):
    """Base class: catch this to catch everything hgl raises on purpose."""


class ConfigError(HglError):
    """An argument or configuration value is not what was expected."""


class SchemaError(HglError):
    """A table, column or key is missing, unknown or contradicts the data."""


class SourceError(HglError):
    """A database, folder or file cannot be opened or read."""


class TaskError(HglError):
    """A task's definition, its label SQL or its labels are unusable."""


class LeakageError(HglError):
    """Something later than the seed (or than the training time) would be seen."""


class CacheError(HglError):
    """A stored artefact is damaged or belongs to other data."""


class TrainingError(HglError):
    """Training cannot start or go on (not-a-number loss, empty split, one class)."""


class MissingExtra(HglError, ImportError):
    """An optional library is absent; the message names the extra that installs it."""

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {library}: pip install 'hgl-rdl[{extra}]'")


def check_range(name: str, value: float | None, least: float, most: float = math.inf) -> None:
    """Check that a number is finite and in [least, most]; None is any optional argument's own.

    Raises: ConfigError: it is not.
    """
    if value is None or (math.isfinite(value) and least <= value <= most):
        return
    expected = f"at least {least}" if most == math.inf else f"{least} to {most}"
    raise ConfigError(f"{name}={value}: expected {expected}")


def check_multiple(name: str, value: int, of: str, divisor: int) -> None:
    """Check that one whole number is a multiple of another, such as channels of heads.

    Raises: ConfigError: it is not.
    """
    if value % divisor:
        raise ConfigError(f"{name}={value}: expected a multiple of {of}={divisor}")
