"""Where a student's columns are read: the live database itself, or a snapshot of anything else."""

from __future__ import annotations

import logging
from typing import Any

from hgl import datasets
from hgl.aggregates.live.features import LiveFeatures
from hgl.aggregates.plan import FeaturePlan
from hgl.commands.source import check_source, open_database
from hgl.db.database import Database
from hgl.db.redact import HIDDEN
from hgl.db.schema import Schema
from hgl.errors import ConfigError, SchemaError
from hgl.export.artefact import Artefact

log = logging.getLogger(__name__)

_LIVE = ("sqlite", "postgresql", "postgres")


def is_live(db: str) -> bool:
    """Whether `db` answers for single seeds (SQLite, PostgreSQL); others are read whole first."""
    return _url(db).partition("://")[0].partition("+")[0] in _LIVE


def open_features(
    db: str, schema: Schema, plan: FeaturePlan, *, opened: Database | None = None, **options: Any
) -> LiveFeatures:
    """Open what answers for single seeds.

    Args:
        db: as for every command.
        schema: of the database that the student was made from.
        opened: the same database, where it is open already.
        options: of `open_database`, where it has to be read.
    Raises: ConfigError: `db` is none. SchemaError: it is no longer what the student was made from.
    """
    if is_live(db):
        try:
            return LiveFeatures.open(_url(db), schema, plan)
        except SchemaError as error:
            log.warning("%s; reading it whole instead", error)
    return LiveFeatures.of(opened or open_database(db, **options), plan)


def features_for(artefact: Artefact, db: str | None, **options: Any) -> LiveFeatures:
    """Open the columns of an artefact's student.

    Args:
        db: as for every command; None: where the student was made from.
        options: of `open_database`, where it has to be read.
    Raises: as `open_features`, and ConfigError: the source's password was not kept.
    """
    source = artefact.manifest.source
    return open_features(
        source_of(artefact, db),
        Schema.from_manifest(source.schema),
        artefact.manifest.plan,
        manifest=source.manifest,
        **options,
    )


def source_of(artefact: Artefact, db: str | None) -> str:
    """Return `db`, or what the student was made from.

    Raises: ConfigError: that had a password, which was not kept; or `db` is none.
    """
    asked = artefact.manifest.source.db if db is None else db
    if db is None and HIDDEN in asked:
        raise ConfigError(
            f"artefact={str(artefact.folder)!r} was made from {asked}, whose password is not "
            "kept: give the database again with db=<url>"
        )
    check_source(asked)
    return asked


def _url(db: str) -> str:
    return datasets.find(db).source() if db in datasets.names() else db
