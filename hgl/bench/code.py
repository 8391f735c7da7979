"""Which code made a record."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

from hgl.db.cache import digest, digest_files

_PACKAGE = Path(__file__).parents[1]


@functools.cache
def code_digest() -> str:
    """Return a hash of the names and content of this package's files, configurations included."""
    files = sorted(p for end in ("py", "yaml") for p in _PACKAGE.rglob(f"*.{end}"))
    names = [str(path.relative_to(_PACKAGE)) for path in files]
    return digest(names, digest_files(files))


@functools.cache
def commit() -> tuple[str | None, bool]:
    """Return the commit of this package's clone, and whether its files differ from that.

    None, False where it is installed otherwise.
    """
    head = _git("rev-parse", "HEAD")
    tracked = _git("ls-files", "--error-unmatch", "__init__.py")
    if not head or not tracked:
        return None, False
    return head, bool(_git("status", "--porcelain", "--untracked-files=no"))


def _git(*words: str) -> str:
    try:
        asked = ["git", "-C", str(_PACKAGE), *words]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
