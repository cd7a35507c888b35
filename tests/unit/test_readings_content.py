"""What a reading says of a document, in bytes."""

from graph.entities import Description, Edge, Evidence, described
from graph.refs import Ref
from ingest.files import decoded_content, encoded_content, without_description

SHOP, TEAM = Ref("component:default/shop"), Ref("group:default/team")
DOCUMENT = {"kind": "Component", "metadata": {"name": "shop", "tags": ["Java", "é"]}, "spec": {"owner": "team", "weight": 1.5}}
EDGES = (Edge(SHOP, "ownedBy", TEAM, (Evidence(SHOP, "spec.owner", "/a.yaml", 7),)),)


def test_a_document_its_edges_and_its_description_are_read_back() -> None:
    assert decoded_content(encoded_content(DOCUMENT, EDGES), SHOP) == (DOCUMENT, EDGES, None)
    assert decoded_content(encoded_content(DOCUMENT, EDGES, described(DOCUMENT)), SHOP) == (DOCUMENT, EDGES, described(DOCUMENT))


def test_the_description_is_not_kept() -> None:
    kept = without_description(encoded_content(DOCUMENT, EDGES, described(DOCUMENT)))
    assert kept == encoded_content(DOCUMENT, EDGES) == without_description(kept)


def test_a_description_tells_each_fact_as_it_was_declared() -> None:
    description = Description("", {"kind": {"component": "Component"}, "metadata.tags": {"java": "Java", "é": None}})
    assert dict(description.facts()) == {("kind", "component"): "Component", ("metadata.tags", "java"): "Java", ("metadata.tags", "é"): "é"}
