"""Node classification on HGB's ACM and DBLP: full-batch training, official test split.

    python benchmarks/hgb.py [--data ../shared/data/hgb] [--sets ACM DBLP] [--models sage rhgnn]
    python benchmarks/hgb.py --models latte --inductive
    python benchmarks/hgb.py --models rhgnn --seeds 0 1 2 --parts
    python benchmarks/hgb.py --sets DBLP --models rhgnn --validation --overrides gnn.dropout=0.3

A model is a file of `conf/model`, of which the `gnn` is used, with what `hgb.yaml` says about it. A
seed decides weights, dropout, and which fifth of the training labels is for validation; validation
selects the epoch, and test labels are read once, at the end. `--validation` reads none: the scores
are then those of the validation labels, for choosing settings.
`--inductive` trains without the validation and test nodes and their links. `--parts` runs R-HGNN
as it is, then without each of its parts.

Reference (SimpleHGN, quoted): macro-F1 93.42 on ACM, 94.01 on DBLP.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf
from scipy import stats
from torch.nn.functional import normalize
from torch_geometric.data import HeteroData

from hgl.commands.target import build
from hgl.datasets.hgb import hgb, labelled_type, with_validation
from hgl.models.attributed import AttributedModel
from hgl.tasks.metrics import evaluate
from hgl.train.objective import objective_for, seed_everything
from hgl.train.trainer import Trainer
from hgl.train.whole_graph import WholeGraph

SETTINGS = Path(__file__).with_suffix(".yaml")
MODELS = ["rhgnn", "latte", "simplehgn", "hgt", "han", "sage"]
PARTS = ["crossing", "fusing", "relation_states"]


def settings(model: str, name: str, overrides: list[str]) -> dict[str, Any]:
    """What is said for all models, about this one, about it on this set, and on the command line.

    The network itself is `conf/model`'s; its options are overridden in the same way.
    """
    conf = OmegaConf.load(str(resources.files("hgl.conf") / "model" / f"{model}.yaml"))
    said = OmegaConf.load(SETTINGS)
    parts = [said.all, {"gnn": conf.gnn}, said.get(model, {}), said.get(f"{model} {name}", {})]
    merged = OmegaConf.merge(*parts, OmegaConf.from_dotlist(overrides))
    return OmegaConf.to_container(merged, resolve=True)


def train(
    data: HeteroData, chosen: dict[str, Any], seed: int, *, inductive: bool, split: str
) -> dict[str, float]:
    """Train with one seed and score the nodes of one split."""
    began = time.perf_counter()
    target, gnn = labelled_type(data), build(chosen["gnn"])
    data = _prepared(with_validation(data, share=0.2, seed=seed), chosen)
    store = data[target]
    objective = objective_for("multiclass", store.y[store.train_mask].numpy())
    seed_everything(seed)
    model = AttributedModel(
        metadata=data.metadata(),
        num_nodes=data.num_nodes_dict,
        in_channels=_attributes(data, target, chosen["attributes"]),
        target=target,
        out_channels=objective.out_channels,
        gnn=gnn,
        **chosen["model"],
    )
    graph = seen = WholeGraph(data, target, num_hops=model.gnn.num_hops)
    if inductive:
        hidden = store.val_mask | store.test_mask
        shown = data.subgraph({target: ~hidden})
        seen = WholeGraph(shown, target, num_hops=model.gnn.num_hops)
    known, val, asked = seen.loader("train"), graph.loader("val"), graph.loader(split)
    metric = chosen["metric"]
    trainer = Trainer(seed=seed, **chosen["trainer"])
    with tempfile.TemporaryDirectory() as out:
        progress = trainer.fit(model, objective, known, val, metric=metric, folder=Path(out))
    scores = evaluate("multiclass", asked.seeds.target, trainer.predict(model, objective, asked))
    return {
        "macro": 100 * scores["macro_f1"],
        # With one class per node, every false positive is somebody's false negative.
        "micro": 100 * scores["accuracy"],
        "val": 100 * progress.history[progress.best_epoch]["val_macro_f1"],
        "epoch": progress.best_epoch,
        "seconds": time.perf_counter() - began,
    }


def _prepared(data: HeteroData, chosen: dict[str, Any]) -> HeteroData:
    """Leave out node types, and scale each node's attributes to one length where that is said."""
    kept = [t for t in data.node_types if t not in chosen["without"]]
    data = data.node_type_subgraph(kept)
    if chosen["length"]:
        for node_type, x in data.collect("x", allow_empty=True).items():
            data[node_type].x = chosen["length"] * normalize(x)
    return data


def _attributes(data: HeteroData, target: str, which: str) -> dict[str, int]:
    """Attributes of each node type that is to use them: of all, or of the target type alone."""
    types = data.node_types if which == "all" else [target]
    return {t: data[t].num_node_features for t in types if data[t].num_node_features}


def row(model: str, results: list[dict[str, float]]) -> str:
    """Means ± standard deviations, and the 95 % interval of the mean (Student's t)."""
    cells = [model]
    for score in ("macro", "micro"):
        values = np.array([result[score] for result in results])
        spread = values.std(ddof=1) if len(values) > 1 else float("nan")
        reach = stats.t.ppf(0.975, len(values) - 1) * spread / len(values) ** 0.5
        mean = values.mean()
        cells.append(f"{mean:.2f} ± {spread:.2f} [{mean - reach:.2f}, {mean + reach:.2f}]")
    for score, places in (("val", 2), ("epoch", 0), ("seconds", 0)):
        cells.append(f"{np.mean([result[score] for result in results]):.{places}f}")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/hgb"))
    parser.add_argument("--sets", nargs="+", default=["ACM", "DBLP"])
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--inductive", action="store_true")
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--validation", action="store_true")
    parser.add_argument(
        "--overrides", nargs="*", default=[], help="gnn.dropout=0.3 trainer.lr=0.002"
    )
    args = parser.parse_args()
    overrides = args.overrides
    torch.set_num_threads(1)
    split = "val" if args.validation else "test"
    lesser = [[], *([f"gnn.{part}=false"] for part in PARTS if args.parts)]
    for name in args.sets:
        data = hgb(name, args.data)
        print(f"\n{name}, {split} split, {len(args.seeds)} seeds {' '.join(overrides)}\n")
        print("| model | macro-F1 | micro-F1 | validation macro-F1 | best epoch | seconds |")
        print("|-|-|-|-|-|-|", flush=True)
        for model, without in itertools.product(args.models, lesser):
            results = [
                train(
                    data,
                    settings(model, name, overrides + without),
                    seed,
                    inductive=args.inductive,
                    split=split,
                )
                for seed in args.seeds
            ]
            print(row(" ".join([model, *without]), results), flush=True)


if __name__ == "__main__":
    main()
