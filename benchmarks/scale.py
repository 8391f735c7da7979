"""Time and memory of `hgl` from one million rows to fifty, each size in 4 GiB.

    python benchmarks/scale.py --rows 1e6 5e6 20e6 50e6 --folder scale

Each size is made up, ingested, labelled, drawn, encoded, trained on for some steps and predicted
with, in a process of its own that the kernel (a control group of Linux, which needs root) kills
above `--memory`. The limit is on everything: what the process holds, and the pages of files that it
reads or writes, which the kernel can take back at any time. Printed per phase: seconds and seconds
of processor time, rows or seeds per second of either, the most memory that was the process's own
(anonymous) and the most with the files that it had mapped; of seeds also the rows that a batch
encodes for each, which are fewer where few rows are shared by many.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from shop_rows import CHURN, write_shop

GROUPS = (
    (Path("/sys/fs/cgroup"), "cgroup.controllers", "memory.max"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.limit_in_bytes"),
)
"""Control groups of versions 2 and 1: where they are, a file that is there, and a group's limit."""
PHASES = ("open", "ingest", "labels", "graph", "features", "training", "prediction")
SEEDED = ("training", "prediction")
"""Phases whose work is seeds; that of the others is rows."""
WARM = 10
"""First steps not counted: they compile."""


@dataclass
class Peak:
    """Most memory of a process in one phase, in bytes."""

    anonymous: int = 0
    resident: int = 0

    def see(self, status: str) -> None:
        """Take one look at `/proc/<pid>/status`."""
        found = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        sizes = {name: 1024 * int(found.get(name, "0").split()[0]) for name in ("RssAnon", "VmRSS")}
        self.anonymous = max(self.anonymous, sizes["RssAnon"])
        self.resident = max(self.resident, sizes["VmRSS"])


@dataclass
class Size:
    """What one size took, by phase.

    Attributes:
        seconds: on the clock, and of processor time.
        speed: rows or seeds per second of each.
        encoded: distinct rows per seed in a batch.
    """

    rows: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    speed: dict[str, list[float]] = field(default_factory=dict)
    encoded: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, Peak] = field(default_factory=dict)


# What the measured process does.


class Steps:
    """A watcher that times the steps after the first ones."""

    def __init__(self) -> None:
        self.instants: list[tuple[float, float]] = []

    def start(self, phase: str, steps: int) -> None:
        """Nothing to do."""

    def step(self, loss: float | None) -> None:
        """Remember when."""
        self.instants.append(now())

    def epoch(self, row: dict[str, Any]) -> None:
        """Nothing to do."""

    def per_second(self, batch_size: int) -> list[float]:
        """Seeds per second, and per second of processor time; starts the next count."""
        counted, self.instants = self.instants[WARM:], []
        work = batch_size * (len(counted) - 1)
        return [work / (b - a) for a, b in zip(counted[0], counted[-1])]


def now() -> tuple[float, float]:
    """Seconds on the clock, and of this process's processor time."""
    return time.perf_counter(), time.process_time()


def work(folder: Path, steps: int, predicted: int) -> None:
    """Go through every phase, saying each one's name, then its seconds and its work."""
    import dataclasses

    from hgl.db.database import Database
    from hgl.models.relational import RelationalModel
    from hgl.models.sage import HeteroGraphSAGE
    from hgl.tasks.task import Task
    from hgl.train.phases import Phases
    from hgl.train.run import Experiment, Sampling
    from hgl.train.trainer import Trainer

    begun: list[tuple[str, tuple[float, float]]] = []

    def announce(name: str) -> None:
        begun.append((name, now()))
        _say("phase", name)

    watcher, phases = Steps(), Phases(announce=announce)
    with phases("open"):
        Database.open(folder / "raw")
    with phases("ingest"):
        db = Database.open(folder / "raw", out=folder / "arranged")
    experiment = Experiment(
        db=db,
        task=Task.from_mapping(CHURN, "task"),
        model=partial(RelationalModel, gnn=partial(HeteroGraphSAGE, num_layers=2), channels=64),
        trainer=Trainer(max_epochs=1, max_steps=steps, device="cpu", watcher=watcher),
        sampling=Sampling(num_neighbors=(32, 16), batch_size=512),
        policy="rolling",
        phases=phases,
    )
    prepared = experiment.prepare()
    run = experiment.untrained(prepared)
    speed, encoded = {}, {}
    with phases("training"):
        loader = experiment.loader(run, prepared.seeds["train"], shuffle=True)
        experiment.trainer.fit(
            run.model,
            run.objective,
            loader,
            None,
            metric="roc_auc",
            folder=folder,
        )
        speed["training"], encoded["training"] = watcher.per_second(512), rows_per_seed(loader)
    with phases("prediction"):
        seeds = experiment.task.seeds_at(db, "2021-10-01")
        # Not every n-th: every third customer is loyal.
        drawn = np.random.default_rng(0).permutation(len(seeds))[:predicted]
        some = np.sort(drawn)
        seeds = dataclasses.replace(seeds, entity=seeds.entity[some], time=seeds.time[some])
        loader = experiment.loader(run, seeds)
        experiment.trainer.predict(run.model, run.objective, loader)
        speed["prediction"], encoded["prediction"] = watcher.per_second(512), rows_per_seed(loader)
    ends = [at for _, at in begun[1:]] + [now()]
    seconds = {n: [b - a for a, b in zip(at, end)] for (n, at), end in zip(begun, ends)}
    rows = sum(table.num_rows for table in db.schema.tables.values())
    counted = {n: [rows / s for s in spent] for n, spent in seconds.items()}
    _say("done", json.dumps([seconds, counted | speed, encoded]))


def rows_per_seed(loader: Any) -> float:
    """Distinct rows in some batches spread over an epoch, per seed."""
    shards = loader.shards(0)
    batches = [loader.batch(shard, 0) for shard in shards[:: max(1, len(shards) // 16)]]
    rows = sum(store.rows.numel() for batch in batches for store in batch.node_stores)
    return rows / sum(batch[loader.entity_table].batch_size for batch in batches)


def _say(*words: str) -> None:
    print(*words, flush=True)


# What measures it.


def measure(folder: Path, rows: int, memory: int, arguments: list[str]) -> Size:
    """Run `work` in a process that may not have more than `memory` bytes."""
    size = Size(rows)
    environment = {**os.environ, "HGL_CACHE": str(folder / "cache")}
    command = [sys.executable, __file__, "--work", str(folder), *arguments]
    with limited(memory) as join:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=join
        )
        current = [Peak()]
        watching = threading.Thread(target=_watch, args=(process, current), daemon=True)
        watching.start()
        assert process.stdout is not None
        for line in process.stdout:
            kind, _, rest = line.partition(" ")
            if kind == "phase":
                print(f"  {time.strftime('%H:%M:%S')} {rest.strip()}", flush=True)
                size.peaks[rest.strip()] = current[0] = Peak()
            elif kind == "done":
                size.seconds, size.speed, size.encoded = json.loads(rest)
        watching.join()
        if code := process.wait():
            killed = "above the limit" if code == -9 else f"exit code {code}"
            sys.exit(f"{rows:,} rows: ended in phase {list(size.peaks)[-1]} ({killed})")
    return size


def _watch(process: subprocess.Popen, current: list[Peak]) -> None:
    with contextlib.suppress(OSError):
        while process.poll() is None:
            current[0].see(Path(f"/proc/{process.pid}/status").read_text())
            time.sleep(0.02)


@contextlib.contextmanager
def limited(memory: int) -> Iterator[Any]:
    """Yield what a new process calls to be limited to `memory` bytes, files' pages included."""
    for root, sign, limit in GROUPS:
        group = root / f"hgl-scale-{os.getpid()}"
        if not (root / sign).exists():
            continue
        try:
            group.mkdir()
            (group / limit).write_text(str(memory))
            yield partial(_join, group)
            return
        except PermissionError:
            continue
        finally:
            with contextlib.suppress(OSError):
                group.rmdir()
    print("no control group can be made here: memory is watched, not limited", flush=True)
    yield None


def _join(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()))


def read_sizes(file: Path) -> dict[int, Size]:
    """Return the sizes measured earlier, by rows."""
    found = json.loads(file.read_text()) if file.exists() else []
    sizes = [Size(**{**s, "peaks": {n: Peak(**p) for n, p in s["peaks"].items()}}) for s in found]
    return {size.rows: size for size in sizes}


def table(sizes: list[Size]) -> str:
    """Return the figures as Markdown: seconds, work per second, peak anonymous and mapped GB."""
    lines = ["| phase | " + " | ".join(f"{s.rows:,} rows" for s in sizes) + " |"]
    lines.append("|-" * (len(sizes) + 1) + "|")
    for phase in PHASES:
        cells = (_cell(size, phase) for size in sizes if phase in size.seconds)
        lines.append(f"| {phase} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(size: Size, phase: str) -> str:
    (clock, processor), (speed, efficiency) = size.seconds[phase], size.speed[phase]
    peak, what = size.peaks[phase], "seeds" if phase in SEEDED else "rows"
    memory = f"{peak.anonymous / 2**30:.2f} / {peak.resident / 2**30:.2f} GiB"
    rate = f"{_short(speed)} {what}/s ({_short(efficiency)})"
    if phase in SEEDED:
        rate += f", {size.encoded[phase]:.0f} rows each"
    return f"{clock:.1f} s ({processor:.1f}), {rate}, {memory}"


def _short(number: float) -> str:
    return f"{number / 1e3:,.0f}k" if number >= 1e5 else f"{number:,.0f}"


def plot(sizes: list[Size], file: Path) -> None:
    """Draw processor time and peak anonymous memory against rows."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.5))
    rows = [size.rows for size in sizes]
    for phase in (p for p in PHASES if p not in SEEDED):
        left.plot(rows, [size.seconds[phase][1] for size in sizes], marker="o", label=phase)
    total = sum(sizes[-1].seconds[p][1] for p in PHASES if p not in SEEDED)
    linear = [total * count / rows[-1] for count in rows]
    left.plot(rows, linear, color="grey", linestyle=":", label="linear, their sum")
    left.set(xscale="log", yscale="log", xlabel="orders", ylabel="seconds of processor time")
    left.legend(fontsize=7)
    for phase in PHASES:
        peaks = [size.peaks[phase].anonymous / 2**30 for size in sizes]
        right.plot(rows, peaks, marker="o", label=phase)
    right.set(xscale="log", xlabel="orders", ylabel="peak anonymous memory, GiB", ylim=(0, 4))
    right.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(file, dpi=80)


def main() -> None:
    """Measure sizes; print a table and draw the plot of these and of those measured before."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=float, nargs="*", default=[1e6, 5e6, 20e6, 50e6])
    parser.add_argument("--memory", type=float, default=4, help="GiB")
    parser.add_argument("--folder", type=Path, default=Path("scale"), help="a place for all files")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--predict", type=int, default=100_000)
    parser.add_argument("--plot", type=Path, help="PNG file to write")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(asked.work, asked.steps, asked.predict)
        return
    rest = ["--steps", str(asked.steps), "--predict", str(asked.predict)]
    kept = asked.folder / "sizes.json"
    sizes = read_sizes(kept)
    for rows in map(int, asked.rows):
        folder = asked.folder.absolute() / str(rows)
        shutil.rmtree(folder, ignore_errors=True)
        begun = time.perf_counter()
        write_shop(folder / "raw", rows)
        print(f"{rows:,} orders made in {time.perf_counter() - begun:.0f} s", flush=True)
        sizes[rows] = measure(folder, rows, int(asked.memory * 2**30), rest)
        print(table([sizes[rows]]), flush=True)
        shutil.rmtree(folder)
        kept.write_text(json.dumps([asdict(size) for size in sizes.values()]))
    every = [sizes[rows] for rows in sorted(sizes)]
    print(table(every))
    if asked.plot:
        plot(every, asked.plot)


if __name__ == "__main__":
    main()
