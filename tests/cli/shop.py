"""A shop, a question about it, and how to ask it of the command."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hgl.cli import main

TASK = """
name: comes-back
entity_table: customer
entity_col: customer_id
target_col: comes_back
kind: binary
timedelta: 10 days
num_eval_timestamps: 2
val_timestamp: 2020-04-01
test_timestamp: 2020-05-01
sql: |
  SELECT t.timestamp, c.customer_id, COUNT(o.order_id) > 0 AS comes_back
  FROM timestamps t CROSS JOIN customer c
  LEFT JOIN "order" o ON o.customer_id = c.customer_id
    AND o.at > t.timestamp AND o.at <= t.timestamp + INTERVAL '{timedelta}'
  GROUP BY t.timestamp, c.customer_id
"""
MODELS = ["han", "hgt", "latte", "latte2go", "relgnn", "rgcn", "rhgnn", "sage", "simplehgn"]

SMALL = ["trainer=smoke", "sampling=smoke", "model.channels=8", "trainer.device=cpu"]


def source(shop: Path) -> list[str]:
    return [f"db=sqlite:///{shop / 'shop.sqlite'}", f"task={shop / 'task.yaml'}"]


def suite_of_one_task(shop: Path, folder: Path) -> list[str]:
    """Write a suite; return the words of a benchmark with two contenders that are quick."""
    (folder / "suite").mkdir(parents=True)
    database, task = (word.partition("=")[2] for word in source(shop))
    suite = {"_target_": "hgl.bench.suite.Suite", "name": "shop", "db": database}
    suite |= {"tasks": {task: {}}, "models": ["constant"]}
    (folder / "suite" / "shop.yaml").write_text(yaml.safe_dump(suite))
    dropped = [f"~contenders.{name}" for name in ("history", "lightgbm", "mlp", "sage")]
    return ["--config-dir", str(folder), "suite=shop", "seeds=1", *dropped]


def failure(capsys: pytest.CaptureFixture[str], code: int, *words: str) -> str:
    """Run a command that must fail with `code`; return its last line, the error."""
    capsys.readouterr()
    assert main(list(words)) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    *before, last = printed.err.splitlines()
    assert last.startswith("error: ")
    assert not any("error" in line for line in before)
    return last
