"""The rankings of the judged queries: by the embedded index, and by the engine that Backstage has by default."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from graph.conditions import EVERYTHING
from tests.relevance import backstage_lunr
from tests.relevance.measures import DEPTH, Judged
from workers.search.index import IndexState, SearchDocument, SearchQuery
from workers.search.tantivy import TantivyIndex
from workers.search.terms import NO_SYNONYMS, Synonyms, parsed

SYNONYMS = Path(__file__).with_name("synonyms.yaml")


def configured_synonyms() -> Synonyms:
    """The synonyms of the relevance set."""
    return Synonyms.of(yaml.safe_load(SYNONYMS.read_text(encoding="utf-8")))


async def by_tantivy(
    documents: Sequence[SearchDocument], judged: Sequence[Judged], folder: Path, synonyms: Synonyms = NO_SYNONYMS
) -> Sequence[Sequence[str]]:
    """For each query the ids of the first documents that an index in the folder finds."""
    visible = {document.type: EVERYTHING for document in documents}
    index = TantivyIndex(folder)
    await index.open()
    try:
        async with index.building() as build:
            await build.add(documents)
            await build.complete(IndexState("judged", "", 1))
        queries = [SearchQuery(parsed(each.query, synonyms), visible, limit=DEPTH) for each in judged]
        return [[hit.id for hit in (await index.search(query)).hits] for query in queries]
    finally:
        await index.close()


def by_lunr(documents: Sequence[SearchDocument], judged: Sequence[Judged]) -> Sequence[Sequence[str]]:
    """For each query the ids of the first documents that Backstage's Lunr finds."""
    return [ranking[:DEPTH] for ranking in backstage_lunr.ranked(documents, [each.query for each in judged])]
