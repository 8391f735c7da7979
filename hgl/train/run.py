"""One experiment: labels, graph, features, training, predictions, and the folder it leaves."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from hgl.db.database import Database
from hgl.errors import ConfigError, SchemaError, check_range
from hgl.features.encode import encode, measure_tables
from hgl.features.statistics import TableStatistics
from hgl.features.table import TableFeatures
from hgl.graph.aggregates import SeedAggregates, check_lasts
from hgl.graph.build import build_graph, build_store
from hgl.graph.fan_out import check_edge_fan_out, fan_out
from hgl.graph.loader import SeedLoader
from hgl.graph.row_edges import row_counts
from hgl.graph.sampler import Strategy
from hgl.graph.spec import GraphSpec
from hgl.graph.temporal_graph import TemporalGraph
from hgl.tasks.history import with_history
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from hgl.train.checkpoint import load_tensors, restore_model
from hgl.train.compiled_columns import CompiledColumns
from hgl.train.objective import objective_for, seed_everything
from hgl.train.outcome import Outcome, describe_run
from hgl.train.phases import Phases
from hgl.train.predictions import score
from hgl.train.prepared import Prepared, TrainedRun
from hgl.train.record import read_statistics, write_statistics
from hgl.train.splits import labelled_seeds
from hgl.train.trainer import Progress, Trainer
from hgl.typing import Cut, Policy

ModelFactory = Callable[..., nn.Module]
"""Builds a model from metadata, layouts, timed, entity_table and out_channels; where seeds have
aggregates, from num_aggregates too."""


@dataclass(frozen=True)
class Sampling:
    """How neighbourhoods are drawn.

    Attributes:
        num_neighbors: per hop, most neighbours per relation.
        batch_size: training seeds per batch.
        strategy: `uniform` or `last`.
        window: seconds before the seed beyond which timed rows are not sampled; None for all.
        staleness: longest random age, in seconds, of the database a training seed sees; None off.
        train_window: seconds before the validation timestamp that training seeds reach back;
            None for all.
        aggregates: numbers of latest rows, such as [1, 5, 20, 100], over which each seed's own past
            is summed up in columns of its own (see `hgl.graph.aggregates`); None for no columns.
        edge_fan_out: neighbours over relations of tables drawn as edges, as a multiple of
            `num_neighbors` (see `hgl.graph.fan_out`); 1.0 treats rows and edges alike.
        most_destinations: of a recommendation task, destinations that a training batch scores (see
            `hgl.graph.pair_loader`); None for all.
    Raises: ConfigError: `aggregates` are not ascending numbers, or `edge_fan_out` is not above 0.
    """

    num_neighbors: tuple[int, ...] = (128, 64)
    batch_size: int = 512
    strategy: Strategy = "uniform"
    window: int | None = None
    staleness: int | None = None
    train_window: int | None = None
    aggregates: tuple[int, ...] | None = None
    edge_fan_out: float = 1.0
    most_destinations: int | None = 1000

    def __post_init__(self) -> None:
        check_edge_fan_out(self.edge_fan_out)
        check_range("most_destinations", self.most_destinations, 1)
        if self.aggregates is not None:
            check_lasts(self.aggregates)


@dataclass
class Experiment:
    """A database, a task and how to learn it.

    Attributes:
        model: builds the model (see `ModelFactory`).
        spec: which tables and keys make the graph; None for all.
        policy: `frozen` ends the database at the test timestamp, `rolling` does not; None takes the
            task's default.
        cut: `inclusive` admits rows at the seed time, `strict` only earlier ones; None takes the
            task's default.
        config: what the caller wants kept beside the results; must hold no secret.
        phases: collects wall time and peak memory, the caller's own phases included.
        validate_frozen: under the frozen policy, validation seeds see the database as it was at
            the validation timestamp, as test seeds see it as it was at the test timestamp: the
            epoch is then selected for what the test will ask. RelBench lets them see more.
        history: draw the task's past answers as one more table (see `hgl.tasks.history`).
        columns: how many compiled columns (see `hgl.aggregates`) each seed has at most; None for
            none.
        test: look at the test split at the end; False leaves its labels unread.
    """

    db: Database
    task: Task
    model: ModelFactory
    trainer: Trainer
    sampling: Sampling = Sampling()
    spec: GraphSpec | None = None
    policy: Policy | None = None
    cut: Cut | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    phases: Phases = field(default_factory=Phases)
    validate_frozen: bool = True
    history: bool = False
    columns: int | None = None
    test: bool = True

    def __post_init__(self) -> None:
        self.policy = self.policy or self.task.default_policy
        self.cut = self.cut or self.task.default_cut

    def train(self, folder: Path, *, resume: bool = False) -> Outcome:
        """Train, predict validation and (unless `test` is False) test, and leave all in `folder`.

        Raises: HglError: data, task or arguments are unusable (see each part).
        """
        folder.mkdir(parents=True, exist_ok=True)
        prepared = self.prepare()
        run = self.untrained(prepared)
        if self.trainer.world.is_first:
            write_statistics(folder, prepared.statistics)
            self._describe(folder, prepared.seeds["train"], run.graph)
            if run.columns is not None:
                run.columns.write(folder)
        progress = self.fit(run, prepared, folder, resume=resume)
        seeds = prepared.seeds | ({"test": self.seeds("test")} if self.test else {})
        predictions, metrics = {}, {}
        with self.phases("prediction"):
            for split in [name for name in seeds if name != "train"]:
                batches = self.loader(run, seeds[split])
                found = self.trainer.predict(run.model, run.objective, batches, phase=split)
                predictions[split] = found
                metrics[split] = score(seeds[split], seeds["train"], found)
        outcome = Outcome(metrics, progress, self.phases.rows, predictions, seeds, folder)
        if self.trainer.world.is_first:
            outcome.write(self.db, self.task)
        return outcome

    def prepare(self) -> Prepared:
        """Read and encode what every graph of this experiment shares."""
        with self.phases("labels"):
            seeds = {split: self.seeds(split) for split in ("train", "val")}
        with self.phases("graph"):
            drawn = self._drawn()
            store = build_store(dataclasses.replace(drawn, until=None))
        with self.phases("features"):
            statistics = measure_tables(
                drawn,
                stats_until=seeds["train"].stats_until,
                hidden=seeds["train"].task.remove_columns,
            )
            features = encode(drawn, statistics)
            columns = None
            if self.columns is not None:
                columns = CompiledColumns.fit(drawn, statistics, **seeds, most=self.columns)
        return Prepared(drawn, seeds, store, statistics, features, columns)

    def untrained(self, prepared: Prepared, graph: TemporalGraph | None = None) -> TrainedRun:
        """Make a model, its weights from the seed.

        Args:
            graph: what it is a model of; None draws this experiment's own.
        """
        if graph is None:
            graph = build_graph(prepared.drawn, self.spec, store=prepared.store)
        seed_everything(self.trainer.seed)
        features = self._with_sinks(prepared.features)
        return self._built(graph, features, prepared.seeds["train"], prepared.columns)

    def fit(
        self, run: TrainedRun, prepared: Prepared, folder: Path, *, resume: bool = False
    ) -> Progress:
        """Train a run's model, select its epoch on validation and keep it in `folder`."""
        train, val = prepared.seeds["train"], prepared.seeds["val"]
        with self.phases("training"):
            return self.trainer.fit(
                run.model,
                run.objective,
                self.loader(run, train, shuffle=True),
                self.loader(run, val),
                metric=self.task.metric,
                folder=folder,
                resume=resume,
            )

    def predict(self, folder: Path, seeds: SeedTable) -> np.ndarray:
        """Predict `seeds` with the model a run left in `folder`; raises as `restore` does."""
        run = self.restore(folder)
        return self.trainer.predict(run.model, run.objective, self.loader(run, seeds))

    def restore(self, folder: Path) -> TrainedRun:
        """Return the model a run left in `folder`, and what it reads.

        Raises: CacheError: the folder holds no whole run. SchemaError: the database lacks a
            column the run was trained on.
        """
        statistics = read_statistics(folder)
        train = self.seeds("train")
        graph, features = self._read(statistics)
        columns = None if self.columns is None else CompiledColumns.read(folder)
        run = self._built(graph, features, train, columns)
        weights = folder / "model.safetensors"
        restore_model(run.model, load_tensors(weights)[0], weights)
        return run

    def reread(self, run: TrainedRun, statistics: Mapping[str, TableStatistics]) -> TrainedRun:
        """Return a run's model with the graph and the columns of this experiment's database.

        Args:
            statistics: of the training that the model comes from.
        Raises: SchemaError: the database lacks a column that they are about.
        """
        graph, features = self._read(statistics)
        return dataclasses.replace(run, graph=graph, features=features)

    def loader(self, run: TrainedRun, seeds: SeedTable, *, shuffle: bool = False) -> SeedLoader:
        """Batches of `seeds`, sampled as this experiment samples.

        Args:
            shuffle: in another order each epoch and, where training sees a database that is some
                time behind, so; else in theirs.
        """
        sampling = self.sampling
        num_neighbors = fan_out(run.graph, sampling.num_neighbors, sampling.edge_fan_out)
        return SeedLoader(
            run.graph,
            seeds,
            num_neighbors=num_neighbors,
            columns=None if run.columns is None else run.columns(self._drawn(), seeds),
            **self._sampling(run, shuffle=shuffle),
        )

    def _sampling(self, run: TrainedRun, *, shuffle: bool) -> dict[str, Any]:
        """What every loader of this experiment is told."""
        sampling = self.sampling
        return {
            "batch_size": sampling.batch_size,
            "strategy": sampling.strategy,
            "window": sampling.window,
            "staleness": sampling.staleness if shuffle else None,
            "aggregates": sampling.aggregates,
            "features": run.features,
            "shuffle": shuffle,
            "seed": self.trainer.seed,
            "rank": self.trainer.world.rank,
            "world_size": self.trainer.world.size,
        }

    def seeds(self, split: str) -> SeedTable:
        """Return the labelled seeds of `split` as this experiment asks them."""
        return labelled_seeds(
            self.db,
            self.task,
            split,
            policy=self.policy,
            cut=self.cut,
            validate_frozen=self.validate_frozen,
            train_window=self.sampling.train_window,
        )

    def _drawn(self) -> Database:
        """The tables that the graph is made of."""
        return with_history(self.task, self.db) if self.history else self.db

    def _read(
        self, statistics: Mapping[str, TableStatistics]
    ) -> tuple[TemporalGraph, Mapping[str, TableFeatures]]:
        """The graph, and the columns as training encoded them."""
        drawn = self._drawn()
        return build_graph(drawn, self.spec), self._with_sinks(encode(drawn, statistics))

    def _with_sinks(self, features: Mapping[str, TableFeatures]) -> dict[str, TableFeatures]:
        """Of every table, and of the node types that stand for none."""
        sinks = self.spec.sinks if self.spec else []
        return {**features, **dict.fromkeys(sinks, TableFeatures.empty(1))}

    def _built(
        self,
        graph: TemporalGraph,
        features: Mapping[str, TableFeatures],
        train: SeedTable,
        columns: CompiledColumns | None,
    ) -> TrainedRun:
        """A model of `graph`, its weights at random, and what it minimises."""
        if "destination_table" in inspect.signature(self.model).parameters:
            raise ConfigError(f"the model recommends rows, which {self.task} does not ask for")
        objective = objective_for(self.task.kind, train.answers)
        model = self.model(
            **self._num_aggregates(graph, features, columns),
            **self._model_arguments(graph, features),
            out_channels=objective.out_channels,
        )
        return TrainedRun(model, objective, graph, features, columns)

    def _model_arguments(
        self, graph: TemporalGraph, features: Mapping[str, TableFeatures]
    ) -> dict[str, Any]:
        """What every model is told."""
        if self.task.entity_table not in graph.node_types:
            raise SchemaError(
                f"the graph leaves out the entity table {self.task.entity_table!r}; it has: "
                f"{', '.join(graph.node_types)}"
            )
        if unknown := sorted(set(graph.node_types) - features.keys()):
            raise SchemaError(
                f"table {unknown[0]!r} is not among those the run was trained on: "
                f"{', '.join(sorted(features))}"
            )
        return {
            "metadata": graph.metadata(),
            "layouts": {t: features[t].layout for t in graph.node_types},
            "timed": [t for t in graph.node_types if graph.time[t] is not None],
            "entity_table": self.task.entity_table,
        }

    def _num_aggregates(
        self,
        graph: TemporalGraph,
        features: Mapping[str, TableFeatures],
        columns: CompiledColumns | None,
    ) -> dict[str, int]:
        """What only a model that is to read aggregates or compiled columns is told."""
        lasts, entity = self.sampling.aggregates, self.task.entity_table
        width = 0 if columns is None else columns.width
        if lasts is not None:
            width += SeedAggregates(graph, entity, features, lasts).width
        if not width:
            return {}
        if not takes(self.model, "num_aggregates"):
            asked = "columns" if lasts is None else f"sampling.aggregates={list(lasts)}"
            raise ConfigError(
                f"{asked}: expected a model with an argument `num_aggregates`, or None"
            )
        return {"num_aggregates": width}

    def _describe(self, folder: Path, train: SeedTable, graph: TemporalGraph) -> None:
        drawn = {
            "sampling": dataclasses.asdict(self.sampling),
            "tables": list(graph.node_types),
            "static_tables": [t for t in graph.node_types if graph.time[t] is None],
            "relations": [" ".join(e) for e in graph.edge_types],
            "rows_as_edges": row_counts(graph.relations),
        }
        describe_run(self, folder, train, drawn)


def takes(function: Callable[..., Any], argument: str) -> bool:
    """Whether a function, or what is left of a partial one, has such an argument."""
    parameters = inspect.signature(function).parameters
    return argument in parameters or any(
        p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()
    )
