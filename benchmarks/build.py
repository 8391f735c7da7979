"""From the Parquet files of flights to a graph and its features, cold: seconds and peak memory.

    python benchmarks/build.py --repeat 3

Reading the database into Parquet comes first and is not counted. Each build is a fresh process with
an empty cache; its memory is the peak of that process, imports included, its seconds are not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from hgl import datasets

BUILD = """
import json, resource, sys, time
import hgl, hgl.graph.build, hgl.features.encode
db, until = hgl.Database.open(sys.argv[1]), 1380585600
begun = time.perf_counter()
graph = hgl.build_graph(db)
drawn = time.perf_counter()
graph.features_for(until)
encoded = time.perf_counter()
store = hgl.graph.build.build_store(db)
begins = time.perf_counter()
for _ in range(100):
    hgl.build_graph(db, store=store)
view = (time.perf_counter() - begins) / 100
edges = sum(relation.num_edges for relation in graph.relations.values())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
rows = sum(graph.num_nodes.values())
print(json.dumps([drawn - begun, encoded - drawn, peak, rows, edges, view]))
"""


def main() -> None:
    """Print the figures of the fastest build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    folder = datasets.open("flights").folder
    found = [build(folder) for _ in range(repeat)]
    drawn, encoded, peak, rows, edges, view = min(found, key=lambda f: f[0] + f[1])
    print(f"{rows:,.0f} rows, {edges:,.0f} edges both ways counted")
    print(f"relations {drawn:.2f} s, features {encoded:.2f} s, peak memory {peak:.2f} GB")
    print(
        f"another graph of the same relations: {1e3 * view:.3f} ms, "
        f"{drawn / view:,.0f} times faster"
    )


def build(folder: Path) -> list[float]:
    """Build once: seconds for relations and features, gigabytes, rows, edges, seconds of a view."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-c", BUILD, str(folder)]
        environment = {**os.environ, "HGL_CACHE": cache}
        said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        return json.loads(said.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
