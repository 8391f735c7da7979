"""Content-keyed folders in the user's cache: built aside, renamed whole, verified when opened."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from hgl.errors import CacheError, SourceError

log = logging.getLogger(__name__)

_RECORD = "complete.json"
_ATTEMPTS = 5
_ABANDONED = 7 * 86400.0
"""Seconds after which a folder that nobody finished is taken for a dead process's."""
DISK_FULL = "disk full while writing"
_FULL = ("No space left", "File too large", "disk is full", " requested and ")
"""What libraries say of a full disk; NumPy's is: so many requested and so many written."""
_ELSEWHERE: ContextVar[Path | None] = ContextVar("elsewhere", default=None)


def cache_folder() -> Path:
    """Return the cache folder: `HGL_CACHE`, else `hgl` in the platform's user cache."""
    if (elsewhere := _ELSEWHERE.get()) is not None:
        return elsewhere
    if chosen := os.environ.get("HGL_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "hgl"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "hgl"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hgl"


@contextlib.contextmanager
def cached_in(folder: Path) -> Iterator[None]:
    """Let this thread use `folder` as its cache, for what is not worth keeping."""
    token = _ELSEWHERE.set(folder)
    try:
        yield
    finally:
        _ELSEWHERE.reset(token)


def digest(*parts: Any) -> str:
    """Return a short hash of `parts`: text, bytes, or anything JSON can hold."""
    running = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        running.update(len(data).to_bytes(8, "little") + data)
    return running.hexdigest()


def digest_files(files: Iterable[Path]) -> str:
    """Return a hash of the content of `files`, in the order given.

    Raises: SourceError: one cannot be read.
    """
    running = hashlib.blake2b(digest_size=16)
    for file in files:
        try:
            with file.open("rb") as stream:
                running.update(hashlib.file_digest(stream, "blake2b").digest())
        except OSError as error:
            raise SourceError(f"file {str(file)!r} cannot be read: {error.strerror}") from None
    return running.hexdigest()


@functools.cache
def code_version() -> str:
    """Return a hash of the code that makes databases: entries of other versions are left alone."""
    return digest_files(sorted(Path(__file__).parent.glob("*.py")))


@contextlib.contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Turn a full disk, whichever library met it, into one SourceError that names `place`."""
    try:
        yield
    except Exception as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if not full and not any(word in str(error) for word in _FULL):
            raise
        raise SourceError(f"{DISK_FULL} {place}: free some space and run again") from error


def entry(kind: str, key: str, build: Callable[[Path], None]) -> Path:
    """Return the folder of `kind` and `key`, calling `build(empty folder)` when there is none.

    A damaged entry is built again, with a warning. Of two processes building the same entry the
    later one discards its copy.

    Raises: CacheError: the cache folder cannot be written, or is removed meanwhile.
        SourceError: its disk is full.
    """
    final = cache_folder() / kind / key
    if _intact(final):
        return final
    try:
        building = swept(cache_folder() / kind / ".building")
        aside = Path(tempfile.mkdtemp(dir=building, prefix=f"{key}."))
    except OSError as error:
        raise unwritable(error) from None
    try:
        with disk_errors(cache_folder()):
            build(aside)
            _seal(aside)
        return _publish(aside, final)
    except Exception as error:
        if aside.exists() or final.exists():
            raise
        raise CacheError(
            f"cache folder {cache_folder()} was removed while {kind} was written: run again"
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def unwritable(error: OSError) -> CacheError:
    """Return what to raise where the cache refuses a file or folder."""
    return CacheError(
        f"cache folder {cache_folder()} cannot be written ({error.strerror}); set HGL_CACHE"
    )


def swept(folder: Path) -> Path:
    """Return a folder of temporary ones, made when absent, cleared of what dead processes left."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        with contextlib.suppress(OSError):  # its own process may remove it this moment
            if time.time() - left.stat().st_mtime < _ABANDONED:
                continue
            shutil.rmtree(left, ignore_errors=True)
    return folder


def _seal(folder: Path) -> None:
    """Record every file's size, time and content; the record is the last file written."""
    record = {}
    for file in _files(folder):
        stat = file.stat()
        content = digest_files([file])
        record[str(file.relative_to(folder))] = [stat.st_size, stat.st_mtime_ns, content]
    (folder / _RECORD).write_text(json.dumps(record, sort_keys=True))


def _intact(folder: Path) -> bool:
    """Whether `folder` holds exactly what was recorded; warns where it is damaged."""
    if not folder.exists():
        return False
    try:
        recorded = json.loads((folder / _RECORD).read_text())
        files = {str(f.relative_to(folder)): f for f in _files(folder)}
        whole = recorded.keys() == files.keys() and all(
            _unchanged(files[name], *recorded[name]) for name in files
        )
    except (OSError, ValueError, TypeError, AttributeError):
        whole = False
    if not whole:
        log.warning("cache entry %s is damaged; building it again", folder)
    return whole


def _unchanged(file: Path, size: int, time_ns: int, content: str) -> bool:
    """Whether `file` is as it was sealed. Content is read only where its time has changed."""
    stat = file.stat()
    if stat.st_size != size:
        return False
    return stat.st_mtime_ns == time_ns or digest_files([file]) == content


def _files(folder: Path) -> list[Path]:
    return [f for f in folder.rglob("*") if f.is_file() and f.name != _RECORD]


def _publish(aside: Path, final: Path) -> Path:
    """Rename `aside` to `final` unless another process was first with an intact entry."""
    for attempt in range(_ATTEMPTS):
        try:
            return aside.rename(final)
        except OSError:
            if _intact(final):
                return final
            with contextlib.suppress(OSError):
                final.rename(aside.with_name(f"{aside.name}.damaged{attempt}"))
    raise CacheError(f"cache entry {final} cannot be written; remove it or set HGL_CACHE")
