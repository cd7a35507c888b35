"""What the tests of reading share: a valid document, and a reader of texts with files to include."""

from collections.abc import Mapping, Sequence

from config.catalog import KindConfig
from graph.relations import RelationRegistry
from ingest.reading import IncludeError, Reading, ReadingSettings, read_documents
from ingest.settings import configured_kinds

HEAD = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: shop
spec:
  type: service
  lifecycle: production
  owner: red
"""
"""A Component whose `spec` ends in line 8, so that a test can go on with it in line 9."""

PATH = "/catalog/catalog-info.yaml"
REGISTRY = RelationRegistry()


def reading(
    text: str | bytes, files: Mapping[str, str] | None = None, *, kinds: Sequence[KindConfig] = (), registry: RelationRegistry = REGISTRY
) -> Reading:
    def include(target: str) -> bytes:
        if files is None or target not in files:
            raise IncludeError("it can't be read.", "Check the path.")
        return files[target].encode()

    return read_documents(
        text if isinstance(text, bytes) else text.encode(), PATH, include, ReadingSettings(configured_kinds(kinds), registry)
    )


def problems(text: str | bytes, files: Mapping[str, str] | None = None) -> list[tuple[str, int, int]]:
    """The code, line and column of every problem."""
    return [(problem.code.value, problem.line, problem.column) for problem in reading(text, files).problems]
