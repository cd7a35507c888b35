"""A folder for templates."""

from pathlib import Path

import pytest

from tests.scaffolder.templates import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
