"""The figures of one run, as a table to read and a JSON file to keep."""

import json
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured number. `ratio` is the peer's figure to this one (above 1: better than the peer), `target` what DESIGN asks."""

    what: str
    store: str
    entities: int
    value: float
    unit: str
    target: str = ""
    ratio: float | None = None


def machine() -> str:
    """Processor and number of cores, for the record beside the figures."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.processor()}, {len(models)} cores, Python {platform.python_version()}"


def write(figures: list[Figure], path: Path) -> None:
    """The figures with date and machine, as JSON."""
    record = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "figures": [asdict(f) for f in figures]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n")


def show(figures: list[Figure]) -> None:
    """The figures as a table on standard output."""
    table = Table("what", "store", "entities", "value", "target", "x peer", title=machine())
    for figure in figures:
        ratio = f"{figure.ratio:.2f}" if figure.ratio is not None else ""
        table.add_row(figure.what, figure.store, f"{figure.entities:,}", f"{figure.value:,.2f} {figure.unit}", figure.target, ratio)
    Console(width=140).print(table)
