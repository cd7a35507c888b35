"""Backstage's own search engine on Lunr, installed from npm, over the documents of this catalog."""

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.npm import NODE, install
from workers.search.index import SearchDocument, TextField

FOLDER = Path(__file__).resolve().parent / "lunr"
_BACKSTAGE_TYPES = {"entity": "software-catalog", "section": "techdocs"}


def ranked(documents: Iterable[SearchDocument], terms: Sequence[str]) -> list[list[str]]:
    """For each term, the ids of the documents that Lunr finds, the best first, at most 100.

    The documents have the fields that Backstage's collators give them; what ours hold beside title is their text. Skips the test where
    npm's registry is out of reach, and fails it in CI.
    """
    install(FOLDER, "Backstage's search engine")
    types: dict[str, list[Mapping[str, str]]] = {}
    for document in documents:
        types.setdefault(_BACKSTAGE_TYPES.get(document.type, document.type), []).append(_as_backstage(document))
    given = json.dumps({"types": types, "queries": list(terms)}).encode()
    done = subprocess.run([NODE, "--no-warnings", "search.cjs"], cwd=FOLDER, input=given, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def _as_backstage(document: SearchDocument) -> Mapping[str, str]:
    texts = document.texts
    facets = {name: ", ".join(document.facets.get(name, ())) for name in ("kind", "namespace", "type", "lifecycle", "owner")}
    return {
        "title": texts.get(TextField.TITLE) or texts.get(TextField.NAME, ""),
        "text": " : ".join(text for field, text in texts.items() if field is not TextField.TITLE),
        "location": document.id,
        **facets,
        "componentType": facets["type"],
    }
