"""Entries are whole or absent, whoever crashes, races or damages them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hgl.db.cache import cache_folder, digest, entry, swept
from hgl.errors import CacheError, SourceError


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("HGL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Builder:
    """Writes two files, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> None:
        """Build."""
        self.calls += 1
        (folder / "sub").mkdir()
        (folder / "a").write_text("first")
        (folder / "sub" / "b").write_text(str(self.calls))


def test_an_entry_is_built_once(own: Path) -> None:
    build = Builder()
    folders = {entry("kind", "key", build) for _ in range(3)}
    assert folders == {own / "kind" / "key"}
    assert build.calls == 1
    entry("kind", "other", build)
    assert build.calls == 2


@pytest.mark.parametrize(
    "damage", ["truncated", "changed", "removed", "added", "record", "garbled record", "old record"]
)
def test_a_damaged_entry_is_built_again(
    damage: str, own: Path, caplog: pytest.LogCaptureFixture
) -> None:
    build = Builder()
    folder = entry("kind", "key", build)
    record = folder / "complete.json"
    match damage:
        case "truncated":
            (folder / "a").write_text("fir")
        case "changed":
            (folder / "a").write_text("fi?st")
        case "removed":
            (folder / "sub" / "b").unlink()
        case "added":
            (folder / "c").write_text("?")
        case "record":
            record.unlink()
        case "old record":
            record.write_text('{"a": 5, "sub/b": 1}')
        case _:
            record.write_text("{")
    assert (entry("kind", "key", build) / "a").read_text() == "first"
    assert build.calls == 2
    assert "is damaged; building it again" in caplog.text
    entry("kind", "key", build)
    assert build.calls == 2


def test_a_copied_entry_is_still_whole(own: Path) -> None:
    build = Builder()
    folder = entry("kind", "key", build)
    for file in folder.rglob("*"):
        os.utime(file, (0, 0))
    entry("kind", "key", build)
    assert build.calls == 1


def test_a_full_disk_is_one_error_whichever_library_met_it(own: Path) -> None:
    def fill(folder: Path) -> None:
        raise RuntimeError("I/O error: No space left on device (os error 28)")

    with pytest.raises(SourceError, match="disk full while writing"):
        entry("kind", "key", fill)
    assert not [f for f in own.rglob("*") if f.is_file()]


def test_what_dead_processes_left_is_swept_away(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    os.utime(tmp_path / "old", (0, 0))
    assert [f.name for f in swept(tmp_path).iterdir()] == ["new"]


def test_a_failed_build_leaves_nothing(own: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "a").write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        entry("kind", "key", fail)
    assert not [f for f in own.rglob("*") if f.is_file()]


RACER = """
import sys, time
from hgl.db.cache import entry

def build(folder):
    (folder / "who").write_text(sys.argv[1])
    print("building", flush=True)
    sys.stdin.readline()

print(entry("kind", "key", build).joinpath("who").read_text())
"""


def test_of_two_racing_processes_one_wins(own: Path) -> None:
    def start(name: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", RACER, name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ.copy(),
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "building\n"
        return process

    with start("first") as first, start("second") as second:
        assert second.communicate("\n")[0] == "second\n"
        assert first.communicate("\n")[0] == "second\n"
    assert (own / "kind" / "key" / "who").read_text() == "second"
    assert not list((own / "kind" / ".building").iterdir())


def test_an_unwritable_cache_is_said_to_be(own: Path) -> None:
    own.write_text("not a folder")
    with pytest.raises(CacheError, match=r"cannot be written.*set HGL_CACHE"):
        entry("kind", "key", Builder())


def test_the_environment_chooses_the_folder(own: Path) -> None:
    assert cache_folder() == own


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_digests_tell_parts_apart(a: list[str], b: list[str]) -> None:
    assert (digest(*a) == digest(*b)) == (a == b)
