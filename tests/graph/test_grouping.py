from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hgl.graph import grouping


@pytest.fixture(params=["numba", "torch"])
def _backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "torch":
        monkeypatch.setattr(grouping, "_has_kernels", lambda tensor: False)


@pytest.mark.usefixtures("_backend")
@pytest.mark.parametrize(
    "values", [[], [7], [3, 3, 3], [2**40, 0, 2**40, 2**62], list(range(500)) * 2]
)
def test_distinct_values_and_their_places(values: list[int]) -> None:
    given_values = torch.tensor(values, dtype=torch.int64)
    found, index = grouping.distinct(given_values)
    assert sorted(found.tolist()) == sorted(set(values))
    assert torch.equal(found[index], given_values)


@given(index=st.lists(st.integers(0, 6), max_size=30), narrow=st.booleans())
def test_groups_keep_order(index: list[int], narrow: bool) -> None:
    groups = torch.tensor(index, dtype=torch.int32 if narrow else torch.int64)
    values = torch.arange(len(index), dtype=torch.int32) * 10
    expected = torch.argsort(groups, stable=True)
    for has_kernels in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grouping, "_has_kernels", lambda tensor, on=has_kernels: on)
            ptr, grouped = grouping.group(groups, values, 8)
        assert torch.equal(grouped, values[expected])
        assert ptr.diff().tolist() == [index.count(g) for g in range(8)]
        assert ptr.dtype == grouped.dtype == torch.int32
