"""A student as a folder: the model, what it needs to know, and the query of its columns."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hgl.db.schema import Schema
from hgl.errors import CacheError, ConfigError, HglError
from hgl.export.manifest import FORMAT, Manifest
from hgl.export.onnx_scorer import OnnxScorer

if TYPE_CHECKING:
    from hgl.export.scorer_module import ScorerModule

MODEL, MANIFEST, QUERY = "student.onnx", "manifest.json", "features.sql"


@dataclass(frozen=True)
class Artefact:
    """A student that serves.

    Attributes:
        folder: where it lies.
        features_sql: query of its columns, for people; nothing runs it.
        scorer: columns to predictions.
    """

    folder: Path
    manifest: Manifest
    features_sql: str
    scorer: OnnxScorer

    @classmethod
    def write(
        cls, folder: Path, manifest: Manifest, scorer: ScorerModule, features_sql: str
    ) -> Artefact:
        """Export a trained scorer, and write the folder: aside, then renamed as a whole.

        An artefact that is there already gives way.

        Raises:
            ConfigError: the scorer cannot be exported, or `folder` cannot be written or holds
                something else.
            MissingExtra: a library is absent.
        """
        from hgl.export.onnx_file import export  # PyTorch, which reading does without

        if folder.exists() and not (folder / MANIFEST).exists() and _is_taken(folder):
            raise ConfigError(f"folder={str(folder)!r} holds something else: expected a new folder")
        aside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
        try:
            aside.mkdir(parents=True)
            export(scorer, aside / MODEL, manifest.plan)
            (aside / QUERY).write_text(features_sql, encoding="utf-8")
            _write_manifest(aside, manifest)
            _replace(folder, aside)
        except OSError as error:
            raise ConfigError(
                f"folder={str(folder)!r} cannot be written ({error.strerror})"
            ) from None
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return cls.read(folder)

    @classmethod
    def read(cls, folder: Path) -> Artefact:
        """Read what `write` left.

        Raises:
            CacheError: a file is absent, damaged or edited, or of another format.
            MissingExtra: onnxruntime is absent.
        """
        kept = _read_manifest(folder)
        for name in (MODEL, QUERY):
            if _hash(_bytes(folder / name)) != kept["files"].get(name):
                raise CacheError(f"{folder / name} is not the file that the manifest describes")
        try:
            manifest = Manifest.from_dict(kept)
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            raise _damaged(folder, f"{type(error).__name__}: {error}") from None
        query = (folder / QUERY).read_text(encoding="utf-8")
        return cls(folder, manifest, query, OnnxScorer(folder / MODEL))

    def check_database(self, schema: Schema) -> None:
        """Check that a database has what the student reads; its rows may differ.

        Raises: SchemaError: it has not; the message says what changed.
        """
        self.manifest.used.check(schema)


def _is_taken(folder: Path) -> bool:
    """Whether something is in a folder, or it is none."""
    return not folder.is_dir() or any(folder.iterdir())


def _replace(folder: Path, aside: Path) -> None:
    """Put `aside` in the place of `folder`."""
    old = aside.with_name(f"{aside.name}.old")
    if folder.exists():
        folder.rename(old)
    aside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    files = {name: _hash((folder / name).read_bytes()) for name in (MODEL, QUERY)}
    kept = {**manifest.to_dict(), "files": files}
    text = json.dumps({**kept, "digest": _digest(kept)}, indent=1, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _read_manifest(folder: Path) -> dict[str, Any]:
    """Return a manifest's plain values. Raises: CacheError: see `Artefact.read`."""
    try:
        kept = json.loads(_bytes(folder / MANIFEST))
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, str(error)) from None
    if not isinstance(kept, dict) or "format" not in kept:
        raise _damaged(folder, "expected an object with `format`")
    if kept["format"] != FORMAT:
        raise CacheError(f"{folder} has format {kept['format']!r}: expected {FORMAT}; export again")
    if kept.pop("digest", None) != _digest(kept) or not isinstance(kept.get("files"), dict):
        raise _damaged(folder, "it was changed after it was written")
    return kept


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CacheError(
            f"{file} cannot be read ({error.strerror}): expected the folder of `hgl export`"
        ) from None


def _damaged(folder: Path, reason: str) -> HglError:
    return CacheError(f"{folder / MANIFEST} is damaged: {reason}; export again")


def _digest(kept: Mapping[str, Any]) -> str:
    return _hash(json.dumps(kept, sort_keys=True).encode())


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
