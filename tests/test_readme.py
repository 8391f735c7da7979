"""The front door keeps its promises."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from hgl.cli import VERBS, main
from hgl.tasks.task import Task

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


@pytest.mark.parametrize("code", blocks("python"))
def test_python_runs(code: str) -> None:
    namespace: dict[str, object] = {}
    exec(code, namespace)
    if "batch" in namespace:
        assert namespace["batch"]["planes"].batch_size == 512  # type: ignore[index]
    else:
        assert {t: tuple(x.shape) for t, x in namespace["x_dict"].items()} == {  # type: ignore[attr-defined]
            "author": (3, 64),
            "paper": (5, 64),
        }


def test_commands_compose(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    shown = [shlex.split(line, comments=True) for line in lines if line.startswith("hgl ")]
    assert {words[1] for words in shown} >= set(VERBS) - {"doctor", "evaluate"}
    for words in shown:
        if "--config-dir" not in words:
            assert main([*words[1:], "--cfg"]) == 0, words
            capsys.readouterr()


def test_the_example_task_loads(tmp_path: Path) -> None:
    (example,) = blocks("yaml")
    (tmp_path / "late.yaml").write_text(example)
    assert Task.from_yaml(tmp_path / "late.yaml").name == "late"


def test_the_script_of_ci_finds_the_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "<!-- tests -->" in script
    found = re.findall(r"<!-- tests -->\n```bash\n(.*?)```", README, re.S)
    assert len(found) == 1
    assert "pytest" in found[0]


def test_paths_in_the_readme_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_manifest_of_availability_is_yaml() -> None:
    page = (ROOT / "docs" / "availability.md").read_text()
    for block in re.findall(r"```yaml\n(.*?)```", page, re.S):
        assert isinstance(yaml.safe_load(block), dict)
