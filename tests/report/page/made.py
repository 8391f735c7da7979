"""Runs and stores that nobody trained: what `hgl train` and `hgl bench` would have left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from hgl.db.database import Database
from hgl.tasks.metrics import evaluate

HOSTILE = "</script><img src=x onerror=alert(1)>"
START = pd.Timestamp("2020-01-01")
TASK = {
    "name": "comes-back",
    "entity_table": "customer",
    "entity_col": ["customer_id"],
    "target_col": "comes_back",
    "kind": "binary",
    "timedelta": 10 * 86400,
    "time_col": "timestamp",
    "metric": "roc_auc",
    "val_timestamp": "2020-04-01",
    "test_timestamp": "2020-05-01",
}


def database(folder: Path, customer: str = "customer") -> Database:
    """A customer table, static, and orders that refer to it."""
    days = pd.to_timedelta(np.arange(150), unit="D")
    orders = pd.DataFrame(
        {"order_id": range(150), "customer_id": np.arange(150) % 40, "at": START + days}
    )
    tables = {customer: pd.DataFrame({"customer_id": range(40)}), "orders": orders}
    keys = {
        customer: {"pkey": "customer_id"},
        "orders": {"pkey": "order_id", "time_col": "at", "fkeys": {"customer_id": customer}},
    }
    return Database.open(tables, name="shop", out=folder, manifest={"tables": keys})


def answers(split: str, kind: str, skill: float, seed: int) -> pd.DataFrame:
    """Forty customers at three times: targets do not depend on `seed`, predictions do."""
    month = {"val": "2020-04-01", "test": "2020-05-01"}[split]
    instants = pd.Timestamp(month) + pd.to_timedelta([0, 7, 14], unit="D")
    frame = pd.DataFrame(
        {"customer_id": np.tile(np.arange(40), 3), "timestamp": np.repeat(instants, 40)}
    )
    truth = np.random.default_rng(len(split)).normal(size=len(frame))
    noise = np.random.default_rng(seed).normal(size=len(frame))
    mixed = skill * truth + (1 - skill) * noise
    if kind == "regression":
        return frame.assign(comes_back=truth, prediction=mixed)
    share = 1 / (1 + np.exp(-3 * mixed))
    if kind == "multiclass":
        columns = {"prediction_no": 1 - share, "prediction_yes": share}
        return frame.assign(comes_back=np.where(truth > 0, "yes", "no"), **columns)
    return frame.assign(comes_back=(truth > 0).astype(float), prediction=share)


def run(
    folder: Path,
    db: Database,
    *,
    model: str = "mine.Network",
    seed: int = 0,
    skill: float = 0.5,
    kind: str = "binary",
    policy: str = "rolling",
    draw: int | None = None,
    **config: Any,
) -> Path:
    """Write the folder of a run.

    Args:
        draw: seed of its predictions; that of the run by default.
    """
    (folder / "predictions").mkdir(parents=True)
    metric = {"binary": "roc_auc", "regression": "mae", "multiclass": "accuracy"}[kind]
    task = TASK | {"kind": kind, "metric": metric}
    notes = {
        "config": {"model": {"_target_": model}, "trainer": {"seed": seed}, **config},
        "policy": policy,
        "cut": "inclusive",
        "seed": seed,
        "database": {
            "name": db.schema.name,
            "fingerprint": db.fingerprint,
            "folder": str(db.folder.absolute()),
        },
        "versions": {"hgl": "0"},
    }
    scores = {}
    for split in ("val", "test"):
        frame = answers(split, kind, skill, seed if draw is None else draw)
        frame.to_parquet(folder / "predictions" / f"{split}.parquet", index=False)
        scores[split] = _scores(frame, kind)
    results = {
        "metric": metric,
        "metrics": scores,
        "seeds": {"train": 480, "val": 120, "test": 120},
        "phases": {
            "training": {"seconds": 10.0 + seed, "peak_mb": 500.0},
            "baselines": {"seconds": 99.0, "peak_mb": 1.0},
        },
    }
    curve = [{"epoch": n, "train_loss": 1 / n, f"val_{metric}": 0.5 + n / 20} for n in (1, 2, 3)]
    (folder / "task.yaml").write_text(yaml.safe_dump(task))
    (folder / "run.yaml").write_text(yaml.safe_dump(notes))
    (folder / "results.yaml").write_text(yaml.safe_dump(results))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in curve))
    return folder


def _scores(frame: pd.DataFrame, kind: str) -> dict[str, float]:
    said = frame[[c for c in frame if str(c).startswith("prediction")]].to_numpy()
    target = frame["comes_back"]
    if kind == "multiclass":
        return evaluate(kind, (target == "yes").to_numpy().astype(int), said)
    return evaluate(kind, target.to_numpy(), said[:, 0])


def record(folder: Path | None, store: Path, **fields: Any) -> Path:
    """Write a record about a run of a store, or about a failure."""
    values: dict[str, Any] = {
        "suite": "shop",
        "dataset": "shop",
        "task": "comes-back",
        "kind": "binary",
        "model": "mine",
        "seed": 0,
        "policy": "rolling",
        "cut": "inclusive",
        "metric": "roc_auc",
        "higher_is_better": True,
        "status": "done",
        "error": None,
        "metrics": {"val": {"roc_auc": 0.7}, "test": {"roc_auc": 0.75}},
        "interval": {"val": [0.6, 0.8], "test": [0.65, 0.85]},
        "words": ["model=mine"],
        "config": {},
        "commit": "0123456789abcdef",
        "dirty": True,
        "versions": {"hgl": "0"},
        "data": "d" * 32,
        "labels": "l" * 32,
        "seconds": 12.5,
        "peak_bytes": 5e8,
        "run": "" if folder is None else str(folder.relative_to(store)),
        "predictions": {},
        "finished": "2026-01-02T03:04:05Z",
    } | fields
    values.setdefault(
        "id", f"{values['task']}-{values['model']}-{values['policy']}-{values['seed']}"
    )
    (store / "records").mkdir(parents=True, exist_ok=True)
    number = len(list((store / "records").iterdir()))
    path = store / "records" / f"{number:03d}.json"
    path.write_text(json.dumps(values))
    return path
