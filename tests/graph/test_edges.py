"""Edges laid out in parts, in files or in memory, are those laid out at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hgl.graph import edges
from hgl.graph.edges import _narrowed, row_parts
from hgl.graph.relations import Relation, foreign_key_relations
from hgl.graph.row_edges import Parent, row_edge_relations
from hgl.graph.storage import in_files
from hgl.typing import STATIC_TIME, UNKNOWN_TIME

INSTANTS = st.sampled_from([STATIC_TIME, 0, 1, 2, 3, UNKNOWN_TIME])
ROWS = st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 2), INSTANTS), max_size=12)
PARENTS = st.none() | st.lists(INSTANTS, min_size=4, max_size=4)


def test_a_part_holds_whole_instants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edges, "PART", 3)
    time = np.array([0, 0, 1, 1, 1, 1, 2, 3])
    assert row_parts(time, 8) == [slice(0, 2), slice(2, 6), slice(6, 8)]
    assert row_parts(None, 8) == [slice(0, 3), slice(3, 6), slice(6, 8)]
    assert row_parts(time[::-1].copy(), 8) == [slice(0, 8)]
    assert row_parts(time[:0], 0) == [slice(0, 0)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=ROWS, first=PARENTS, second=PARENTS, ordered=st.booleans(), timed=st.booleans())
def test_parts_of_two_rows_give_what_one_part_gives(
    rows: list[tuple[int, int, int]],
    first: list[int] | None,
    second: list[int] | None,
    ordered: bool,
    timed: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if ordered:
        rows = sorted(rows, key=lambda row: row[2])
    one, two, time = np.array(rows, np.int64).reshape(-1, 3).T.copy()
    row_time = time if timed else None

    def draw(part: int) -> list[Relation]:
        monkeypatch.setattr(edges, "PART", part)
        empty = in_files(tmp_path) if part == 2 else np.empty
        ends = [
            Parent(name, name, rows, 4, None if known is None else np.array(known))
            for name, rows, known in (("one", one, first), ("two", two, second))
        ]
        drawn = row_edge_relations("table", ends[0], ends[1], row_time, empty=empty)
        keyed = foreign_key_relations(
            "table",
            "one",
            "one",
            one,
            num_parents=4,
            child_time=row_time,
            parent_time=ends[0].time,
            empty=empty,
        )
        return [*drawn, *keyed]

    for whole, apart in zip(draw(1 << 20), draw(2), strict=True):
        counts = (whole.num_hidden, whole.num_null)
        assert counts == (apart.num_hidden, apart.num_null)
        assert whole.arrays.keys() == apart.arrays.keys()
        for name, expected in whole.arrays.items():
            found = apart.arrays[name]
            assert (found is None) == (expected is None), name
            assert expected is None or torch.equal(expected, found), name


def test_arrays_in_files_leave_no_file(tmp_path: Path) -> None:
    empty = in_files(tmp_path)
    array = empty(5, np.int32)
    array[:] = 7
    assert (array.sum(), array.dtype) == (35, np.int32)
    assert len(empty(0, np.int64)) == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("last", "kind"), [(2**31 - 1, np.int32), (2**31, np.int64)])
def test_a_row_pointer_is_as_wide_as_its_last_edge(last: int, kind: type) -> None:
    narrow = _narrowed(np.array([0, 7, last]), np.empty)
    assert narrow.dtype == kind
    assert narrow.tolist() == [0, 7, last]
