"""The embedded index ranks better than the engine that Backstage has by default, over the same documents."""

from pathlib import Path

from tests.relevance.documents import judged_documents
from tests.relevance.engines import by_lunr, by_tantivy, configured_synonyms
from tests.relevance.measures import judged_queries, quality, quality_by_category


async def test_the_embedded_index_is_ahead_of_lunr_in_both_measures(tmp_path: Path):
    documents, judged = judged_documents(tmp_path / "sites"), judged_queries()
    ours = await by_tantivy(documents, judged, tmp_path / "with", configured_synonyms())
    plain = await by_tantivy(documents, judged, tmp_path / "without")
    theirs = by_lunr(documents, judged)
    for name, rankings in (("tantivy", ours), ("tantivy, no synonyms", plain), ("Lunr", theirs)):
        print(f"{name}: {quality(judged, rankings)}", *quality_by_category(judged, rankings).items(), sep="\n  ")  # noqa: T201 - the figures of docs/performance.md
    for each in (quality(judged, ours), quality(judged, plain)):
        lunr = quality(judged, theirs)
        assert (each.ndcg > lunr.ndcg, each.success > lunr.success) == (True, True)
    # Configured synonyms are worth something, and cost nothing where none are meant.
    assert quality(judged, ours).ndcg > quality(judged, plain).ndcg
