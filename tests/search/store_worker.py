"""A worker in a process of its own: runs trials 0 to n of a store, and logs what it runs."""

from __future__ import annotations

import os
import sys
import time

from hgl.search.store import TrialStore
from hgl.search.trial_record import Claim, Taken, TrialKey


def key(seed: int, epochs: int = 2) -> TrialKey:
    return TrialKey("data", "task", "0101", 2, "settings", seed, epochs)


def main(where: str, count: int, hang_at: int, lease: float, log: str) -> None:
    """Run what is free until all is done; hang in the middle of one trial, its heart beating."""
    store, worker = TrialStore(where, lease=lease), f"worker {os.getpid()}"
    left = list(range(count))
    while left:
        waiting = []
        for seed in left:
            claim = store.claim(key(seed), worker)
            if isinstance(claim, Taken):
                waiting.append(seed)
            elif isinstance(claim, Claim):
                with open(log, "a") as file:
                    file.write(f"{seed}\n")
                with store.holding(claim):
                    time.sleep(3600 if seed == hang_at else 0.002)
                    store.finish(claim, {"mae": [seed, 0.5]}, {"train": 0.002})
        left = waiting
        time.sleep(0.05 if waiting else 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), sys.argv[5])
