"""The generated catalogs to measure with."""

import os
import subprocess
import sys
from pathlib import Path

HUB = "component:default/route-relay-000000"
"""The entity with the most dependents in every catalog of seed 7."""


def generator() -> Path:
    """The script that writes the catalogs: $CALLBOARD_WORKLOAD, or make_catalog.py of the folder shared beside the repository.

    FileNotFoundError if it is in neither place.
    """
    beside = Path(__file__).parents[2] / "shared/workload/make_catalog.py"
    script = Path(os.environ.get("CALLBOARD_WORKLOAD", beside))
    if not script.is_file():
        raise FileNotFoundError(f"{script} is missing; set CALLBOARD_WORKLOAD to the path of make_catalog.py")
    return script


def catalog(scratch: Path, entities: int) -> Path:
    """The root file of a catalog of so many entities (seed 7) under `scratch`, written if it is not there yet."""
    folder = scratch / f"catalog-{entities}"
    root = folder / "all.yaml"
    if not root.is_file():
        subprocess.run(
            [sys.executable, generator(), folder, "--entities", str(entities), "--seed", "7"], check=True, stdout=subprocess.DEVNULL
        )
    return root
