"""One artefact, made once."""

from __future__ import annotations

from tests.export.conftest import artefact, db, features, url

__all__ = ["artefact", "db", "features", "url"]
