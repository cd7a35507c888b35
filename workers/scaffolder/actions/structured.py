"""Content of files that actions read and write as values: JSON, and YAML 1.2 as catalog files are read."""

from typing import Any, Literal

import orjson
import yaml

from graph.errors import InputError
from ingest.documents import decoded, split
from ingest.parse import RefusedError, parse
from ingest.places import Places

Parser = Literal["yaml", "json", "multiyaml"]


def parsed(content: str, parser: Parser, path: str) -> Any:
    """The value that the text holds; with multiyaml the list of those of its documents. InputError that names the file."""
    try:
        if parser == "json":
            return orjson.loads(content)
        values = [parse(text, Places(text)).json for text in split(decoded(content.encode()))]
    except (RefusedError, orjson.JSONDecodeError) as error:
        raise InputError(f"{path} holds no {parser}: {error}") from error
    if parser == "multiyaml":
        return values
    if len(values) > 1:
        raise InputError(f"{path} holds {len(values)} YAML documents; the parser multiyaml reads them all")
    return values[0] if values else None


def as_yaml(value: Any) -> str:
    """The value as a YAML document, in block style, keys in their order; texts that older YAML reads otherwise are quoted."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)


class _Dumper(yaml.SafeDumper):
    """Indents lists within mappings, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:
        return True
