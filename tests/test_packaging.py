"""What is installed is what is in the tree, and imports stay light."""

from __future__ import annotations

import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def setup() -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg")
    return parser


def words(parser: ConfigParser, section: str, key: str) -> list[str]:
    return parser[section][key].split()


def test_packages_are_the_folders(setup: ConfigParser) -> None:
    folders = {p.parent.relative_to(ROOT) for p in (ROOT / "hgl").rglob("__init__.py")}
    expected = {".".join(folder.parts) for folder in folders} | {"hgl.conf"}
    assert set(words(setup, "options", "packages")) == expected


def test_every_folder_of_modules_is_a_package() -> None:
    for module in (ROOT / "hgl").rglob("*.py"):
        assert (module.parent / "__init__.py").exists(), module


def test_core_packages_import_without_what_they_do_not_need() -> None:
    for module, absent in {
        "hgl": ["torch", "sqlalchemy", "pandas", "numpy", "hydra"],
        "hgl.db.schema": ["torch", "sqlalchemy"],
        "hgl.tasks.task": ["torch"],
        "hgl.features.tensor_frame": ["torch_frame"],
        "hgl.cli": ["torch", "pandas", "duckdb", "sqlalchemy"],
        "hgl.models.relational, hgl.graph.loader": ["sqlalchemy", "duckdb", "hydra", "hgl.db"],
    }.items():
        code = f"import sys, {module}; print([m for m in {absent} if m in sys.modules])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.strip() == "[]", f"{module}: {done.stdout}{done.stderr}"


def test_lazy_names_exist() -> None:
    import hgl

    for name in hgl.__all__:
        assert getattr(hgl, name) is not None
    with pytest.raises(AttributeError, match="nothing_here"):
        hgl.nothing_here  # noqa: B018


def test_constraints_are_exact_and_name_no_place() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(line.count("==") == 1 and " " not in line and "/" not in line for line in pins)
    assert [p for p in pins if p.startswith("torch==")] == ["torch==2.13.0"]
    assert not any("+" in pin for pin in pins)


def test_contracts_of_imports_hold() -> None:
    script = Path(sys.executable).with_name("lint-imports")
    if not script.exists():
        pytest.skip("import-linter is not installed: pip install 'hgl-rdl[dev]'")
    done = subprocess.run([script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
