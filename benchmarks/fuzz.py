"""The properties of tests/fuzz with as many cases as wanted: a table of surfaces.

python benchmarks/fuzz.py --cases 100000 --surfaces schema label_sql
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests" / "fuzz"
SURFACES = ("schema", "data", "task_yaml", "label_sql", "configs", "artefacts", "http")


def measured(surface: str, cases: int) -> tuple[int, float, int]:
    """Return how many cases of a surface ran, in how many seconds of one core, and what failed."""
    told = "import pytest, sys; pytest.main(sys.argv[1:]); "
    told += "from tests.fuzz import cases; print('cases', cases.seen)"
    # Minutes are for cases here, not for a test.
    words = ["-q", "-o", "timeout=0", "-p", "no:cacheprovider", str(TESTS / f"test_{surface}.py")]
    environment = {**os.environ, "HGL_FUZZ_CASES": str(cases)}
    start = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    run = subprocess.run(
        [sys.executable, "-c", told, *words],
        env=environment,
        cwd=TESTS.parents[1],
        capture_output=True,
        text=True,
    )
    seconds = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - start
    lines = run.stdout.splitlines()
    failures = sum(line.startswith(("FAILED", "ERROR")) for line in lines)
    counts = [line for line in lines if line.startswith("cases ")]
    if failures or not counts:
        print(run.stdout, run.stderr, file=sys.stderr)
    return int(counts[-1].split()[1]) if counts else 0, seconds, failures if counts else 1


def main() -> int:
    """Print the table; returns 1 where a property failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--surfaces", nargs="+", choices=SURFACES, default=SURFACES)
    asked = parser.parse_args()
    print("| surface | cases | seconds of one core | failures |\n|-|-|-|-|")
    failed = 0
    for surface in asked.surfaces:
        cases, seconds, failures = measured(surface, asked.cases)
        failed += failures
        print(f"| {surface} | {cases:,} | {seconds:.0f} | {failures} |", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
