"""The folder of a run: claimed before it, read back by those that use its model."""

from __future__ import annotations

import dataclasses
import logging
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hgl.commands.source import open_database
from hgl.commands.target import build
from hgl.db.cache import disk_errors
from hgl.db.database import Database
from hgl.db.progress import Progress
from hgl.db.redact import HIDDEN
from hgl.db.yaml_file import read_yaml, yaml_text
from hgl.errors import CacheError, ConfigError
from hgl.tasks import definition
from hgl.tasks.task import Task
from hgl.train.distributed import World
from hgl.train.learner import Learner
from hgl.train.record import write_text
from hgl.train.watcher import Watcher

log = logging.getLogger(__name__)

_MAY_CHANGE = {"resume", "baselines", "out", "trainer.max_epochs", "trainer.patience", "test"}
"""Settings that a resumed run may have otherwise."""
_BEGINNING = {"task.yaml", "statistics.json"}
"""What a run leaves before it says what it is made of."""
_LONGEST = 80
"""Characters of a folder's name; file systems allow 255 bytes."""
_NEEDED = {
    *("db", "manifest", "model", "trainer", "sampling", "graph", "policy", "cut"),
    *("validate_frozen", "history"),
}
"""Settings without which a run cannot be rebuilt."""
_KEPT = {
    "train": ("run", "run.yaml"),
    "search": ("join", "search.yaml"),
    "distill": ("distilled", "distilled.yaml"),
}
"""Of each verb that leaves a folder: the argument that names one, and the file of its settings."""
_NETWORK = {"_target_": "hgl.train.recommendation.experiment", "_partial_": True}
"""What runs had before there was anything else."""
_DATABASE = {"name", "fingerprint", "folder"}


def fresh(name: str, world: World) -> Path:
    """Return a new folder under `outputs/<name>`, named for the time; one for all of `world`.

    Raises: ConfigError: it cannot be made.
    """
    home = Path("outputs") / re.sub(r"[^\w.-]+", "-", name)[:_LONGEST]
    try:
        stamp = _new(home) if world.is_first else 0
    except OSError as error:
        raise ConfigError(
            f"out=null: {str(home)!r} cannot be written ({error.strerror}); expected out=<folder>"
        ) from None
    return home / _stamp(int(world.gather(torch.tensor([stamp]))[0]))


def vacant(out: str | None, task: Task, *, hint: str = "") -> Path | None:
    """Return `out` as a folder.

    Args:
        hint: what goes on with what is there, for the error.
    Raises: ConfigError: it holds something already.
    """
    folder = None if out is None else Path(out)
    if folder and not _is_vacant(folder, task):
        raise ConfigError(f"out={out!r}: expected a new or empty folder{hint}")
    return folder


def reclaim(
    out: str | None,
    task: Task,
    config: Mapping[str, Any],
    verb: str = "train",
    needed: Collection[str] = _NEEDED,
) -> StoredRun | None:
    """Return the run to go on with; None where none has begun, and this is to be the first.

    Args:
        verb, needed: as for `StoredRun.read`.
    Raises: ConfigError: `out` is not given, or its run had other settings. CacheError: no run.
    """
    if out is None:
        raise ConfigError("resume=true: expected out=<the folder of the run to go on with>")
    if _is_vacant(Path(out), task):
        log.info("resume=true: nothing in out=%r to go on with; beginning", out)
        return None
    found = StoredRun.read(out, verb, needed)
    stored, asked = dict(_leaves(found.config)), dict(_leaves(config))
    for key in sorted(stored.keys() | asked.keys()):
        before, now = stored.get(key), asked.get(key)
        if key not in _MAY_CHANGE and before != now:
            raise ConfigError(
                f"resume=true: {key} was {before!r} in out={out!r} and is {now!r} now"
            )
    return found


def _is_vacant(folder: Path, task: Task) -> bool:
    """Whether it holds nothing, or no more than a run of `task` that was killed as it began."""
    if not folder.exists():
        return True
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir() if path.suffix != ".part"}
    kept_task = folder / "task.yaml"
    own = not kept_task.exists() or kept_task.read_bytes() == _text(task).encode()
    return names <= _BEGINNING and own


def keep_task(task: Task, folder: Path) -> None:
    """Write `task` into a run's folder, so that the run outlives the file it came from.

    Raises: ConfigError: the folder cannot be written. SourceError: its disk is full.
    """
    try:
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            write_text(folder / "task.yaml", _text(task))
    except OSError as error:
        raise ConfigError(f"out={str(folder)!r}: cannot be written ({error.strerror})") from None


def _text(task: Task) -> str:
    return yaml_text(kept(task))


def kept(task: Task) -> dict[str, Any]:
    """Return the fields of `task` as a run's folder keeps them."""
    stated = dataclasses.asdict(task)
    fields = {k: v for k, v in stated.items() if v not in (None, "", ()) and v is not False}
    if task.folder is not None:
        fields["folder"] = str(task.folder.absolute())
    fields |= fields.pop("destination", {})
    lists = {"entity_col", "dst_entity_col", "keep_columns", "remove_columns"}
    for name in lists & fields.keys():
        fields[name] = [list(v) if isinstance(v, tuple) else v for v in fields[name]]
    return fields


def unkept(fields: Mapping[str, Any], where: str) -> Task:
    """Return the task whose fields `kept` returned. Raises: TaskError: they are none's."""
    labels = fields.get("folder")
    rest = {name: value for name, value in fields.items() if name != "folder"}
    return Task.from_mapping(rest, where, labels and Path(labels))


@dataclass(frozen=True)
class StoredRun:
    """What a finished run left behind.

    Attributes:
        config: its resolved configuration, passwords hidden.
        database: name, fingerprint and folder of the data it was trained on.
    """

    folder: Path
    config: Mapping[str, Any]
    database: Mapping[str, str]

    @classmethod
    def read(cls, run: str, verb: str = "train", needed: Collection[str] = _NEEDED) -> StoredRun:
        """Read the folder of a run, or of another verb's.

        Args:
            needed: settings without which it cannot be rebuilt.
        Raises: CacheError: it holds none, or a damaged one.
        """
        folder = Path(run)
        argument, file = _KEPT[verb]
        refusal = CacheError(f"{argument}={run!r}: expected the folder that hgl {verb} left")
        try:
            notes = read_yaml(folder / file)
            stored = cls(folder, notes["config"], notes["database"])
            # A run that the library left may have built its model in code, and lacks some.
            whole = stored.config.keys() >= set(needed) and stored.database.keys() >= _DATABASE
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            raise refusal from None
        if not whole:
            raise refusal
        return stored

    def open(self, db: str | None, progress: Progress) -> Database:
        """Open `db`, or else the data of the run, or else the source it was read from.

        Raises: ConfigError: the data is gone and the source's password was not kept.
        """
        manifest = self.config["manifest"]
        if db is not None:
            return open_database(db, manifest=manifest, progress=progress)
        if Path(self.database["folder"]).is_dir():
            return Database.open(self.database["folder"])
        source = str(self.config["db"])
        if HIDDEN in source:
            raise ConfigError(
                f"{str(self.folder)!r} was made from {source}, whose password is not kept: "
                "give the database again with db=<url>"
            )
        return open_database(source, manifest=manifest, progress=progress)

    def experiment(self, database: Database, watcher: Watcher, *, trust: bool) -> Learner:
        """Rebuild the run's learner on `database`.

        Args:
            trust: whether its configuration may build what lies outside the package `hgl`.
        Raises: ConfigError: it names something else, or something that does not exist.
        """
        parts = {
            name: build(self.config[name], trusted=trust)
            for name in ("model", "sampling", "policy", "cut", "validate_frozen", "history")
        }
        trainer = build(self.config["trainer"], trusted=trust)
        parts["columns"] = self.config.get("columns")
        graph = build(self.config["graph"], trusted=trust)
        learner: Callable[..., Learner] = build(self.config.get("learner", _NETWORK), trusted=trust)
        return learner(
            db=database, task=self.task(), trainer=trainer(watcher=watcher), spec=graph, **parts
        )

    def task(self) -> Task:
        """Return the task it was trained on. Raises: TaskError: it cannot be read."""
        path = self.folder / "task.yaml"
        return unkept(definition.read(path), f"task {str(path)!r}")

    def check_same(self, database: Database, task: Task) -> None:
        """Raises: ConfigError: `database` or `task` is not what the run was trained on."""
        before, now = self.database["fingerprint"], database.fingerprint
        if before != now:
            raise ConfigError(
                f"resume=true: out={str(self.folder)!r} was trained on data {before}, and "
                f"{database.schema.name} is {now} now: expected the same data; train anew"
            )
        if kept(self.task()) != kept(task):
            raise ConfigError(
                f"resume=true: out={str(self.folder)!r} was trained on another {task}: expected "
                "the fields in its task.yaml; train anew"
            )


def _new(home: Path) -> int:
    """Make the folder of this second, or of the next that nobody took; return the second."""
    second = int(time.time())
    while True:
        try:
            (home / _stamp(second)).mkdir(parents=True)
        except FileExistsError:
            second += 1
        else:
            return second


def _stamp(second: int) -> str:
    return time.strftime("%Y-%m-%d_%H-%M-%S", time.localtime(second))


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) for every value below `node`."""
    if not isinstance(node, Mapping):
        yield path, list(node) if isinstance(node, tuple) else node
        return
    for key, value in node.items():
        yield from _leaves(value, f"{path}.{key}" if path else str(key))
