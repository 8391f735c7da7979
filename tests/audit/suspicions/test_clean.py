"""A database without a trap gives no alarm, whatever is looked for."""

from __future__ import annotations

import pytest

from hgl.audit.case import Case, Check
from hgl.audit.suspicions import SUSPICIONS
from tests.audit.suspicions.shop import found


@pytest.mark.parametrize("check", SUSPICIONS, ids=lambda check: check.__name__)
def test_a_clean_database_gives_no_alarm(check: Check, clean: Case) -> None:
    assert found(check, clean) == []
