"""Steps from one graph model to the next."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

import numpy as np

from hgl.errors import ConfigError
from hgl.search.encoding import Encoding
from hgl.search.reach import MaskT, Reach

ActionPolicy = Literal["rdb2g", "repair"]
"""`rdb2g`: RDB2G-Bench's micro actions, where they lead to a valid model as it stands. `repair`:
a table gets another role, and what the entity table then cannot reach is pruned."""
Kind = Literal["add", "remove", "to_edges", "to_rows", "set"]
"""Add or remove a key, a table of rows to edges and back (`rdb2g`), set a table (`repair`)."""

MOST_SUBSETS = 4
"""Foreign keys of a table up to which `repair` tries every subset; 2^keys of them. A wider table is
drawn with all keys, with none, or with one key more or less."""


@dataclass(frozen=True)
class Action:
    """Turn some bits on and others off.

    Attributes:
        table: the table acted on.
        touched: mask of what the action decides.
        result: mask of what is on afterwards, among `touched`.
        on, off: masks of what must be there, and must not, before.
    """

    kind: Kind
    table: str
    touched: int
    result: int
    on: int = 0
    off: int = 0

    def applies(self, mask: MaskT) -> MaskT:
        """Whether the action can be taken."""
        return ((mask & self.on) == self.on) & ((mask & self.off) == 0)

    def apply(self, mask: MaskT) -> MaskT:
        """Return the mask afterwards."""
        return (mask & ~self.touched) | self.result


def actions(
    encoding: Encoding, policy: ActionPolicy = "repair", kinds: Collection[Kind] | None = None
) -> list[Action]:
    """Return a policy's actions, those of some kinds only where given.

    Raises: ConfigError: the policy or a kind is unknown.
    """
    if policy not in get_args(ActionPolicy):
        raise ConfigError(f"policy={policy!r}: expected one of {', '.join(get_args(ActionPolicy))}")
    for kind in kinds or ():
        if kind not in get_args(Kind):
            raise ConfigError(f"kind {kind!r}: expected one of {', '.join(get_args(Kind))}")
    found = _micro(encoding) if policy == "rdb2g" else _repair(encoding)
    return [action for action in found if kinds is None or action.kind in kinds]


def follow(action: Action, reach: Reach, policy: ActionPolicy, masks: np.ndarray) -> np.ndarray:
    """[n] int64: where an action leads each of [n] valid masks; -1 where to no valid mask."""
    after = action.apply(masks)
    pruned = reach.prune(after)
    good = action.applies(masks) & reach.is_valid(pruned)
    if policy == "rdb2g":
        good &= pruned == after
    return np.where(good, pruned, -1)


def next_masks(
    mask: int, reach: Reach, policy: ActionPolicy, kinds: Collection[Kind] | None = None
) -> list[int]:
    """Return the other valid masks one action away, ascending."""
    found = {step(action, reach, policy, mask) for action in actions(reach.encoding, policy, kinds)}
    return sorted(found - {mask, -1})


def step(action: Action, reach: Reach, policy: ActionPolicy, mask: int) -> int:
    """Where an action leads a valid mask, as `follow` says of many; -1 where to no valid mask."""
    after = action.apply(mask)
    pruned = reach.prune(after)
    fits = policy == "repair" or pruned == after
    return pruned if action.applies(mask) and fits and reach.is_valid(pruned) else -1


def _micro(encoding: Encoding) -> Iterator[Action]:
    """RDB2G-Bench's four actions; the keys of a self-referencing table are two bits here."""
    for (table, _), link in encoding.fkeys.items():
        edge = encoding.edges[table].bit if table in encoding.edges else 0
        yield Action("add", table, link.bit, link.bit, off=link.bit | edge)
        yield Action("remove", table, link.bit, 0, on=link.bit)
    for table, link in encoding.edges.items():
        rows, edge = sum(encoding.own[table]), link.bit
        yield Action("to_edges", table, rows | edge, edge, on=rows, off=edge)
        yield Action("to_rows", table, rows | edge, rows, on=edge, off=rows)


def _repair(encoding: Encoding) -> Iterator[Action]:
    for table, own in encoding.own.items():
        edge = encoding.edges[table].bit if table in encoding.edges else 0
        for state in _subsets(own):
            yield Action("set", table, sum(own) | edge, state)
        if len(own) > MOST_SUBSETS:
            for bit in own:
                yield Action("set", table, bit, bit)
                yield Action("set", table, bit, 0)
        if edge:
            yield Action("set", table, sum(own) | edge, edge)
        yield Action("set", table, encoding.touching[table] | edge, 0)


def _subsets(own: tuple[int, ...]) -> list[int]:
    """Masks of the subsets of a table's keys; of a wide table, all and none."""
    counts = range(len(own) + 1) if len(own) <= MOST_SUBSETS else (0, len(own))
    return [sum(chosen) for count in counts for chosen in combinations(own, count)]
