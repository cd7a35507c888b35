"""A folder for templates, and the hosts that are alike in how they are published to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scaffolder.elsewhere import CASES, Case
from tests.scaffolder.publishing import TOKEN
from tests.scaffolder.templates import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    (tmp_path / "host").mkdir()
    with request.param(tmp_path / "host") as case:
        case.forge.token(TOKEN)
        yield case
