"""Kill hgl at random moments, go on, and compare with a run that nobody killed.

    python benchmarks/kills.py --kills 200

Moments are drawn uniformly over the processor time that an undisturbed run takes. Each round kills
once to three times in a row, then lets the command finish. Linux only.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from fork_server import Child, Forked, ForkServer
from kill_phases import Phase, phases, teaching, tree, write_suite
from kill_shop import write_shop

_LOOK = 0.003
"""Seconds between two looks at how far a command is."""


@dataclass
class Tally:
    """What came of one phase."""

    kills: int = 0
    rounds: int = 0
    same: int = 0
    again: int | None = 0
    believed: int = 0
    wrong: list[str] = field(default_factory=list)


class Killer:
    """Kills one phase in a folder of its own.

    Args:
        home: holds the cache that rounds share, and receives the folders.
    """

    def __init__(self, server: ForkServer, name: str, phase: Phase, home: Path, seed: int) -> None:
        self._server, self._phase = server, phase
        self._folder = home / name
        self._cache = self._folder / "cache" if phase.cold else home / "cache"
        self._random = np.random.default_rng([seed, *name.encode()])
        self.tally = Tally(again=None if phase.finished is None else 0)
        self._fresh()
        self._go()
        self._fresh()
        self._seconds, _ = self._go()
        self._result = self._told()
        self._entries = entries(self._cache)

    def round(self, most: int) -> None:
        """Kill up to `most` times in a row, then let it finish, and compare."""
        self._fresh()
        done: dict[str, Any] = {}
        for _ in range(min(most, int(self._random.choice([1, 1, 2, 3])))):
            _, killed = self._go(until=float(self._random.uniform(0, self._seconds)))
            if not killed:
                break
            self.tally.kills += 1
            self._look(done)
            done = self._finished()
        self._go()
        self._look(done)
        self.tally.rounds += 1
        if (found := self._told()) == self._result:
            self.tally.same += 1
        else:
            self.tally.wrong.append(f"{self._folder.name}: {found} instead of {self._result}")

    def _fresh(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()

    def _told(self) -> Any:
        return json.loads(json.dumps(self._phase.result(self._folder)))

    def _finished(self) -> dict[str, Any]:
        return self._phase.finished(self._folder) if self._phase.finished else {}

    def _look(self, before: dict[str, Any]) -> None:
        """Count finished work that was done again, and damaged entries that would be believed."""
        now = self._finished()
        if self.tally.again is not None:
            self.tally.again += sum(now.get(name) != value for name, value in before.items())
        for name, content in entries(self._cache).items():
            if self._entries.get(name) != content:
                self.tally.believed += 1
                self.tally.wrong.append(f"{self._folder.name}: cache entry {name} is damaged")

    def _go(self, until: float = np.inf) -> tuple[float, bool]:
        """Run until so much processor time is used, then kill; return the time, and whether."""
        started: list[Forked] = []
        used: Counter[int] = Counter()
        while True:
            commands = self._phase.wanted(self._folder) if len(started) < 2 else []
            started += [self._start(words) for words in commands[len(started) :]]
            used |= Counter(self._server.cpu())  # type: ignore[arg-type]
            if all(process.ended(_LOOK / len(started)) for process in started):
                if codes := [process.code for process in started if process.code]:
                    said = (self._folder / "log").read_text().splitlines()[-20:]
                    raise SystemExit("\n".join([f"ended with {codes}:", *said]))
                return sum(used.values()), False
            if sum(used.values()) >= until:
                break
        return sum(used.values()), self._kill(started)

    def _kill(self, started: Sequence[Forked]) -> bool:
        """Kill what runs, or one of two, and let the other end; return whether any was killed."""
        time.sleep(self._random.uniform(0, 0.01))  # a tick of the processor's clock
        crew = self._server.others(started) if self._phase.crew else []
        processes: list[Forked | Child] = [*started, *crew]
        alive = [process for process in processes if not process.ended(0)]
        self._random.shuffle(alive)
        hit = alive[: int(self._random.integers(1, len(alive) + 1))] if alive else []
        for process in hit:
            process.kill()
        dead = [process.pid for process in hit if process.ended(60) and process.code]
        self._phase.lapse(self._folder, dead)
        for process in alive:
            process.ended(600)
        return bool(dead)

    def _start(self, words: Sequence[str]) -> Forked:
        log = self._folder / "log"
        return self._server.run(words, self._folder, log, HGL_CACHE=str(self._cache))


def entries(cache: Path) -> dict[str, dict[str, str]]:
    """Return the content of every entry of a cache that passes for whole."""
    found = {}
    for record in cache.glob("*/*/complete.json"):
        try:
            files = json.loads(record.read_text())
        except ValueError:
            continue
        held = {name: record.parent / name for name in files}
        if all(f.is_file() and f.stat().st_size == files[n][0] for n, f in held.items()):
            content = tree(record.parent)
            del content[record.name]
            found[str(record.parent.relative_to(cache))] = content
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="of all phases together")
    parser.add_argument("--phases", help="such as ingest,training; all by default")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print("| phase | kills | rounds | same result | finished work done again | damage believed |")
    print("|-|-|-|-|-|-|", flush=True)
    failed = False
    with tempfile.TemporaryDirectory() as place, ForkServer(Path(place)) as server:
        home = Path(place) / "home"
        home.mkdir()
        for name, t in kill(server, home, args.phases, args.kills, args.seed):
            again = "–" if t.again is None else t.again
            row = (name, t.kills, t.rounds, t.same, again, t.believed)
            print(f"| {' | '.join(map(str, row))} |", flush=True)
            print(*t.wrong, sep="\n", file=sys.stderr)
            failed |= bool(t.wrong or t.again)
    sys.exit(int(failed))


def kill(
    server: ForkServer, home: Path, chosen: str | None, kills: int, seed: int
) -> Iterator[tuple[str, Tally]]:
    """Kill each phase its share of times."""
    source = write_shop(home)
    write_suite(home / "conf", source)
    known = phases(source, home / "conf", home / "teacher")
    names = list(known) if chosen is None else [n for n in known if n in chosen.split(",")]
    if "distillation" in names:
        log = home / "log"
        teacher = server.run(teaching(source), home, log, HGL_CACHE=str(home / "cache"))
        if not teacher.ended(600) or teacher.code:
            raise SystemExit(log.read_text())
    for left, name in zip(range(len(names), 0, -1), names):
        killer, share = Killer(server, name, known[name], home, seed), kills // left
        while killer.tally.kills < share:
            killer.round(share - killer.tally.kills)
            print(f"{name}: {killer.tally.kills} of {share}", file=sys.stderr)
        kills -= share
        yield name, killer.tally


if __name__ == "__main__":
    main()
