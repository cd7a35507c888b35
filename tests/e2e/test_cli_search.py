"""`callboard search` on files: formats, filters and exit codes. tests/e2e/test_cli_server.py holds a server to the same answers."""

import csv
from io import StringIO
from pathlib import Path

import pytest

from tests.e2e.test_cli import CATALOG, Shell, shell

__all__ = ["shell"]

EXAMPLES = ("--catalog", str(Path(__file__).parents[2] / "examples/all.yaml"))


def test_an_operation_is_found_by_its_method_and_path(shell: Shell):
    result = shell("search", "POST refunds", *EXAMPLES, "--format", "json")
    assert (result.code, result.err) == (0, "")
    first = result.json["results"][0]
    assert (first["type"], result.json["degraded"]) == ("definition", False)
    assert (first["ref"], first["location"]) == ("api:default/payments-api", "#/paths/~1authorisations~1{id}~1refunds/post")


def test_results_are_rows_and_the_limit_holds(shell: Shell):
    result = shell("search", "shop", *CATALOG, "--format", "csv", "--limit", "1")
    assert (result.code, result.err) == (0, "")
    [header, row] = csv.reader(StringIO(result.out))
    assert (header, row[:3]) == (["ref", "type", "title", "match", "location"], ["component:default/shop", "entity", "shop"])
    table = shell("search", "shop", *CATALOG, "--kind", "component", "--document-type", "entity")
    assert (table.code, table.lines[0]) == (0, "1 found, 1 shown.")
    assert [line.split()[0] for line in table.lines[2:]] == ["Ref", "component:default/shop"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("zzyzxqwv",), 1, "Nothing was found."),
        (("shop", "--owner", ":"), 2, "`owner`"),
        (("x" * 501,), 2, "500"),
        (("shop", "--limit", "1001"), 2, "1<=x<=1000"),
        ((), 2, "TERM"),
        (("--", "shop", "-shop"), 1, "Nothing was found."),
    ],
)
def test_the_exit_code_tells_what_happened(shell: Shell, arguments: tuple[str, ...], code: int, told: str):
    # Options come first, for behind `--` there are none.
    result = shell("search", *CATALOG, *arguments)
    assert result.code == code
    assert told in result.out + result.err
