"""A prediction task: whose row, what about it, over which horizon, scored how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hgl.errors import TaskError
from hgl.tasks import definition, seeds
from hgl.tasks.destination import Destination
from hgl.tasks.metrics import DEFAULT_METRIC, KINDS, METRICS, metrics_of
from hgl.typing import Cut, Policy

if TYPE_CHECKING:
    from hgl.db.database import Database
    from hgl.tasks.seeds import SeedTable


@dataclass(frozen=True)
class Task:
    """What to predict for rows of one table at given times. Field names are RelBench's.

    Attributes:
        entity_table: the table whose rows are predicted.
        entity_col: columns of the label table that name the row: the primary key, in its order or
            under its names, or the row position column.
        target_col: column of the label table with the target.
        kind: `binary`, `multiclass`, `multilabel`, `regression` or `recommendation`.
        timedelta: horizon in seconds; the label at t covers `(t, t + timedelta]`.
        time_col: column of the label table with the seed time.
        num_eval_timestamps: seed times of the validation and of the test split, at most.
        num_train_timestamps: latest training seed times kept; None keeps all.
        val_timestamp: in seconds; None takes the database's.
        test_timestamp: in seconds; None takes the database's.
        metric: what to select on; "" takes the kind's default.
        remove_columns: (table, column) pairs that features must not contain.
        keep_columns: (table, column) pairs that features may contain though they tell the target.
        autocomplete: the target is a column of the entity table itself: see
            `hgl.tasks.autocomplete`.
        sql: label query (DuckDB) over the database's tables and `timestamps(timestamp)`.
        entity_sql: query of the eligible entities at `timestamps`, for prediction; None takes all
            rows known by then.
        folder: RelBench task folder whose Parquet files hold the labels, or None.
        destination: what a recommendation task recommends; None for any other.

    Raises: TaskError: a field contradicts another.
    """

    name: str
    entity_table: str
    entity_col: tuple[str, ...]
    target_col: str
    kind: str
    timedelta: int
    time_col: str = "timestamp"
    num_eval_timestamps: int = 1
    num_train_timestamps: int | None = None
    val_timestamp: int | None = None
    test_timestamp: int | None = None
    metric: str = ""
    remove_columns: tuple[tuple[str, str], ...] = ()
    keep_columns: tuple[tuple[str, str], ...] = ()
    autocomplete: bool = False
    sql: str | None = None
    entity_sql: str | None = None
    description: str = ""
    folder: Path | None = None
    destination: Destination | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise TaskError(f"{self}: kind={self.kind!r}; expected one of {', '.join(KINDS)}")
        object.__setattr__(self, "metric", self.metric or DEFAULT_METRIC[self.kind])
        known = metrics_of(self.kind)
        if self.metric not in known:
            raise TaskError(f"{self}: metric={self.metric!r}; {self.kind} has {', '.join(known)}")
        if (self.kind == "recommendation") != (self.destination is not None):
            raise TaskError(f"{self}: kind={self.kind!r}, destination={self.destination}; a "
                            "recommendation task, and no other, has a destination")  # fmt: skip
        named = [self.time_col, *self.entity_col, *self.target_cols]
        if len(set(named)) < len(named):
            raise TaskError(f"{self}: time_col, entity_col and target_col share a name: {named}")
        if not self.sql and self.folder is None and not self.autocomplete:
            raise TaskError(f"{self}: field 'sql' is missing, and there is no folder of labels")

    def __str__(self) -> str:
        return f"task {self.name!r}"

    @property
    def target_cols(self) -> tuple[str, ...]:
        """Columns of the label table with the answer: of a recommendation, the destination's."""
        return (self.target_col,) if self.destination is None else self.destination.dst_entity_col

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger `metric` is a better one."""
        return METRICS[self.metric].higher_is_better

    def of_destinations(self) -> Task:
        """Return a task about the rows that this one recommends, for what asks whose rows.

        Raises: TaskError: it recommends nothing.
        """
        if self.destination is None:
            raise TaskError(f"{self} is of kind {self.kind}; expected a recommendation task")
        return replace(
            self,
            entity_table=self.destination.dst_entity_table,
            entity_col=self.destination.dst_entity_col,
            target_col="",
            kind="binary",
            metric="",
            entity_sql=None,
            destination=None,
        )

    @property
    def default_policy(self) -> Policy:
        """`rolling` where a column is completed: its rows are the database; else `frozen`."""
        return "rolling" if self.autocomplete else "frozen"

    @property
    def default_cut(self) -> Cut:
        """`strict` where a column is completed: what shares a row's instant may tell it."""
        return "strict" if self.autocomplete else "inclusive"

    @classmethod
    def from_mapping(
        cls, stored: Mapping[str, Any], source: str, folder: Path | None = None
    ) -> Task:
        """Read the YAML's fields from a mapping. Raises: TaskError: see `definition.fields`."""
        return cls(**definition.fields(stored, source), folder=folder)

    @classmethod
    def from_yaml(cls, path: str | Path) -> Task:
        """Read a task file. Raises: TaskError: no such file, or a field is wrong."""
        return cls.from_mapping(definition.read(Path(path)), f"task {str(path)!r}")

    @classmethod
    def from_folder(cls, folder: str | Path) -> Task:
        """Read a RelBench task folder: `manifest.yaml` beside the label files, if it has any.

        Raises: TaskError: no manifest, or a field is wrong.
        """
        folder = Path(folder)
        if not (folder / "manifest.yaml").exists():
            needed = ", ".join(definition.REQUIRED)
            raise TaskError(
                f"task folder {str(folder)!r} has no manifest.yaml (RelBench 2 wrote none); "
                f"add one with {needed}, kind"
            )
        stored = definition.read(folder / "manifest.yaml")
        labelled = (folder / "train.parquet").exists()
        return cls.from_mapping(stored, f"task {str(folder)!r}", folder if labelled else None)

    @classmethod
    def load(cls, name_or_path: str | Path) -> Task:
        """Read a task file, a RelBench task folder, or a task that ships with hgl by its name.

        Raises: TaskError: none of these.
        """
        path = Path(name_or_path)
        if path.is_dir():
            return cls.from_folder(path)
        if path.suffix in (".yaml", ".yml") or path.exists():
            return cls.from_yaml(path)
        bundled = _bundled_tasks()
        if str(name_or_path) not in bundled:
            raise TaskError(
                f"task={str(name_or_path)!r} is neither a file, nor a folder, nor one of: "
                f"{', '.join(sorted(bundled))}"
            )
        return cls.from_yaml(bundled[str(name_or_path)])

    def seeds(
        self,
        db: Database,
        split: str,
        *,
        policy: Policy | None = None,
        cut: Cut | None = None,
    ) -> SeedTable:
        """Return the labelled seeds of `split` (`train`, `val` or `test`).

        Args:
            policy, cut: None for the task's own defaults.
        Raises: TaskError: the labels cannot be made or used; the message says why.
        """
        policy, cut = policy or self.default_policy, cut or self.default_cut
        return seeds.labelled(self, db, split, policy=policy, cut=cut)

    def seeds_at(self, db: Database, time: Any, *, cut: Cut | None = None) -> SeedTable:
        """Return one unlabelled seed per eligible entity at `time` (anything `instant` reads).

        Where a column is completed: one per row known by `time` whose cell is empty, at the row's
        own time.

        Raises: TaskError: nobody is eligible, or `entity_sql` cannot be used.
        """
        return seeds.unlabelled(self, db, time, cut=cut or self.default_cut)

    def seeds_of(self, db: Database, table: Any, *, cut: Cut | None = None) -> SeedTable:
        """Return one unlabelled seed per row of a DataFrame with keys and times.

        Where a column is completed, keys are enough: each row is asked about at its own time.

        Raises: TaskError: a row cannot be answered; the message names it.
        """
        return seeds.asked(self, db, table, cut=cut or self.default_cut)


def _bundled_tasks() -> dict[str, Path]:
    try:
        conf = Path(str(resources.files("hgl.conf")))
    except ModuleNotFoundError:  # a source tree that is not installed
        conf = Path(__file__).parents[2] / "conf"
    return {path.stem: path for path in (conf / "task").glob("*.yaml")}
