"""The generated catalog of a large organisation, where the generator can be had."""

import os
import subprocess
from pathlib import Path

import pytest

from benches.catalogs import catalog


def workload(folder: Path, entities: int) -> Path:
    """The root file of a catalog of so many entities, seed 7. Skips where the generator is missing, and fails in CI."""
    try:
        return catalog(folder, entities)
    except (FileNotFoundError, subprocess.CalledProcessError) as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
