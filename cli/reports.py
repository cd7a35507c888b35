"""Results as people and programs want them: a table, JSON, CSV, or a drawing in DOT or Mermaid."""

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table as Drawn
from rich.text import Text

from cli.printable import printable

FORMATS = ("table", "json", "csv", "dot", "mermaid")

_UNLIMITED_WIDTH = 100_000


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headings. Columns named in `numeric` are set to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow of a drawing."""

    source: str
    label: str
    target: str


@dataclass(frozen=True, slots=True)
class Report:
    """One result in every form. `tables` are shown below `headline` in their order; CSV holds the last of them."""

    headline: str
    tables: Sequence[Table]
    links: Sequence[Link]
    data: Any
    remark: str = ""


def show(report: Report, format_: str) -> None:
    """Print the report on stdout in one of FORMATS."""
    match format_:
        case "json":
            show_json(report.data)
        case "csv":
            _show_csv(report.tables[-1])
        case "dot":
            click.echo("\n".join(_dot(report.links)))
        case "mermaid":
            click.echo("\n".join(_mermaid(report.links)))
        case _:
            _show_tables(report)


def show_json(data: Any) -> None:
    """Print the data as indented JSON."""
    click.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())


def _show_tables(report: Report) -> None:
    # Lines are never folded: a ref in two parts can't be copied, and programs read lines.
    console = Console(width=_UNLIMITED_WIDTH, highlight=False)
    click.echo(printable(report.headline))
    for table in report.tables:
        if not table.rows:
            continue
        drawn = Drawn(box=None, pad_edge=False)
        for column in table.columns:
            drawn.add_column(column, justify="right" if column in table.numeric else "left")
        for row in table.rows:
            drawn.add_row(*(Text(printable(cell)) for cell in row))
        with console.capture() as captured:
            console.print(drawn)
        click.echo("\n" + "\n".join(line.rstrip() for line in captured.get().splitlines()))
    if report.remark:
        click.echo(f"\n{printable(report.remark)}")


def _show_csv(table: Table) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(column.lower() for column in table.columns)
    writer.writerows(table.rows)


def _dot(links: Sequence[Link]) -> list[str]:
    arrows = [f"  {_quoted(link.source)} -> {_quoted(link.target)} [label={_quoted(link.label)}];" for link in links]
    return ["digraph callboard {", "  rankdir=LR;", "  node [shape=box];", *arrows, "}"]


def _quoted(text: str) -> str:
    return '"' + printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _mermaid(links: Sequence[Link]) -> list[str]:
    names = dict.fromkeys(end for link in links for end in (link.source, link.target))
    ids = {name: f"n{number}" for number, name in enumerate(names)}
    nodes = [f'  {id_}["{_escaped(name)}"]' for name, id_ in ids.items()]
    arrows = [f"  {ids[link.source]} -->|{_escaped(link.label)}| {ids[link.target]}" for link in links]
    return ["flowchart LR", *nodes, *arrows]


def _escaped(text: str) -> str:
    """As Mermaid's entity codes, all that could end a label or mean something within it."""
    return "".join(c if c.isalnum() or c in " :/.-_" else f"#{ord(c)};" for c in printable(text))
