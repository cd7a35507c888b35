"""Findings in SARIF 2.1.0, the format in which code hosts show them beside the lines.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Located(Protocol):
    """What a result is made of."""

    @property
    def code(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def remedy(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def line(self) -> int | None: ...
    @property
    def column(self) -> int | None: ...


def sarif_log(findings: Sequence[Located]) -> dict[str, Any]:
    """A log with one run. Paths below the working directory are relative to it, as code hosts want them."""
    rules = sorted({finding.code for finding in findings})
    driver = {"name": "callboard", "version": version("callboard"), "rules": [{"id": rule} for rule in rules]}
    results = [
        {
            "ruleId": finding.code,
            "ruleIndex": rules.index(finding.code),
            "level": "error",
            "message": {"text": f"{finding.message}\n{finding.remedy}"},
            "locations": [{"physicalLocation": _physical(finding)}],
        }
        for finding in findings
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _physical(finding: Located) -> dict[str, Any]:
    path, here = Path(finding.path), Path.cwd()
    uri = quote(path.relative_to(here).as_posix()) if path.is_relative_to(here) else path.as_uri()
    region = {key: value for key, value in (("startLine", finding.line), ("startColumn", finding.column)) if value}
    # A column without a line means nothing.
    return {"artifactLocation": {"uri": uri}, **({"region": region} if finding.line else {})}
