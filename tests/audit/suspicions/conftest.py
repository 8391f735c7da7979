"""The shop, opened once."""

from __future__ import annotations

import pytest

from hgl.audit.case import Case
from tests.audit.suspicions import shop


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("shop") / "arranged"
    return shop.case(shop.opened(shop.tables(), out=folder))
