"""Room is what the machine has left, or what a control group leaves of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hgl import memory

MIB = 1 << 20


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 100 MiB left, of which this process has 10, in no control group."""
    monkeypatch.setattr(memory, "PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "groups")
    (tmp_path / "proc" / "self").mkdir(parents=True)
    write(tmp_path, "proc/meminfo", f"MemTotal: 1 kB\nMemAvailable:   {100 * 1024} kB\n")
    write(tmp_path, "proc/self/status", f"Name:\tpython\nRssAnon:\t   {10 * 1024} kB\n")
    write(tmp_path, "proc/self/cgroup", "")
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def test_without_a_group_it_is_what_the_machine_has(machine: Path) -> None:
    assert memory.room() == 100 * MIB


def test_a_group_of_version_2_and_those_around_it(machine: Path) -> None:
    write(machine, "proc/self/cgroup", "0::/pod/one\n")
    write(machine, "groups/pod/one/memory.max", "max\n")
    write(machine, "groups/pod/memory.max", f"{50 * MIB}\n")
    assert memory.room() == 40 * MIB
    write(machine, "groups/pod/one/memory.max", f"{30 * MIB}\n")
    assert memory.room() == 20 * MIB


def test_a_group_of_version_1(machine: Path) -> None:
    write(machine, "proc/self/cgroup", "3:cpu,cpuacct:/other\n2:memory:/job\n")
    write(machine, "groups/memory/job/memory.limit_in_bytes", f"{60 * MIB}\n")
    write(machine, "groups/memory/memory.limit_in_bytes", f"{2**63 - 4096}\n")
    write(machine, "groups/other/memory.max", "1\n")
    assert memory.room() == 50 * MIB


def test_a_group_whose_name_lies_elsewhere(machine: Path) -> None:
    """A container sees its own group at the top, under the name that the host gives it."""
    write(machine, "proc/self/cgroup", "0::/host/docker/1234\n")
    write(machine, "groups/memory.max", f"{25 * MIB}\n")
    assert memory.room() == 15 * MIB


def test_less_than_nothing_is_nothing(machine: Path) -> None:
    write(machine, "proc/self/cgroup", "0::/\n")
    write(machine, "groups/memory.max", "1\n")
    assert memory.room() == 0


def test_a_system_that_does_not_say(machine: Path) -> None:
    (machine / "proc" / "meminfo").unlink()
    assert memory.room() == 0
