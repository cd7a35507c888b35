"""The documents that relevance is judged over: of the example catalog, its documentation, and the catalogs of the corpus."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from graph.refs import Ref
from ingest.reading import ReadDocument
from plugins.contract import CollatedDocument
from tests.corpus import CATALOG_ROLES, CorpusFile, corpus_files, read
from workers.search.collators.definitions import DEFINITION, UnreadableError, definition_documents
from workers.search.collators.entities import ENTITY, entity_document, entity_facets
from workers.search.collators.sections import SECTION, section_documents
from workers.search.index import SearchDocument

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
_DECLARING = ("organisation/*.yaml", "landscape/*.yaml", "services/**/catalog-info.yaml", "templates/*/template.yaml")
_SITES = {
    Ref("component:default/checkout"): EXAMPLES / "services/booking/checkout/mkdocs.yml",
    Ref("component:default/handbook"): EXAMPLES / "services/handbook/mkdocs.yml",
}
_DEPENDING = ("dependsOn", "consumesApis")


def judged_documents(folder: Path) -> Sequence[SearchDocument]:
    """The documents, each with the id that judgements know it by; sites are built below the folder. A ref means its first entity."""
    declared: dict[Ref, ReadDocument] = {}
    for file in (*_examples(), *corpus_files(*CATALOG_ROLES)):
        if file.path.endswith((".yaml", ".yml")):
            for document in read(file).documents:
                declared.setdefault(document.ref, document)
    edges = {(edge.source, edge.target) for each in declared.values() for edge in each.edges if edge.relation in _DEPENDING}
    centrality = Counter(target for _, target in edges)
    found = [document for each in declared.values() for document in _of_entity(each, centrality[each.ref])]
    for ref, configuration in _SITES.items():
        found += _of_site(declared[ref], configuration, folder / ref.rpartition("/")[2], centrality[ref])
    return found


def _examples() -> Iterator[CorpusFile]:
    for pattern in _DECLARING:
        for path in sorted(EXAMPLES.glob(pattern)):
            yield CorpusFile("examples", path.relative_to(EXAMPLES).as_posix(), "catalog", EXAMPLES)


def _of_entity(declared: ReadDocument, centrality: int) -> Iterator[SearchDocument]:
    yield _document(declared, ENTITY, entity_document(declared.ref, declared.document), centrality)
    definition = (declared.document.get("spec") or {}).get("definition")
    if isinstance(definition, str):
        try:
            for part in definition_documents(definition):
                yield _document(declared, DEFINITION, part, centrality)
        except UnreadableError:
            return


def _of_site(declared: ReadDocument, configuration: Path, folder: Path, centrality: int) -> Iterator[SearchDocument]:
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "-f", str(configuration), "-d", str(folder)]
    done = subprocess.run(build, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    for section in section_documents((folder / "search" / "search_index.json").read_bytes()):
        yield _document(declared, SECTION, section, centrality)


def _document(declared: ReadDocument, type: str, collated: CollatedDocument, centrality: int) -> SearchDocument:
    identity = declared.ref if type == ENTITY else f"{declared.ref}#{collated.location}"
    facets = entity_facets(declared.ref, declared.document)
    return SearchDocument(identity, declared.ref, type, declared.ref, collated.location, collated.texts, facets, centrality=centrality)
