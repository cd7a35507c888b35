"""Entities as search documents: what their descriptors say of them, and the values that they are counted by."""

from collections.abc import Iterator, Mapping, Sequence

from graph.entities import Document
from graph.errors import InvalidRefError
from graph.refs import DEFAULT_NAMESPACE, Ref, parse_ref, split_ref
from plugins.contract import CollatedDocument, TextField
from workers.search.collators.templates import parameter_texts, step_texts
from workers.search.collators.texts import LONGEST_NAME, filled, joined, mapping_of, mappings_in, prose_of, text_of, texts_in
from workers.search.sources import DETAIL_FIELDS, REFERENCE_FIELDS, WELL_KNOWN_ANNOTATIONS

ENTITY = "entity"
"""The type of documents that are entities themselves."""

_OWNER_KIND = "group"
_MOST_VALUES = 200


def entity_document(ref: Ref, document: Document) -> CollatedDocument:
    """The document of an entity: found by what its own descriptor says, never by what is said of the entities that it refers to."""
    metadata, spec = mapping_of(document.get("metadata")), mapping_of(document.get("spec"))
    title = text_of(metadata.get("title")) or text_of(mapping_of(spec.get("profile")).get("displayName"))
    texts = {
        TextField.NAME: text_of(metadata.get("name"))[:LONGEST_NAME] or split_ref(ref)[2],
        TextField.TITLE: title[:LONGEST_NAME],
        TextField.TAGS: joined(texts_in(metadata.get("tags")), " "),
        TextField.REFERENCES: joined(_references(spec, split_ref(ref)[1])),
        TextField.DESCRIPTION: joined([prose_of(metadata.get("description"))]),
        TextField.DETAILS: joined(_details(document, metadata, spec)),
        TextField.PARAMETERS: joined(parameter_texts(spec.get("parameters"))) if _is_template(ref) else "",
        TextField.STEPS: joined(step_texts(spec.get("steps"))) if _is_template(ref) else "",
    }
    return CollatedDocument("", filled(texts))


def entity_facets(ref: Ref, document: Document) -> Mapping[str, Sequence[str]]:
    """The values of FACETS, as declared, without `documentType`; owners as full refs. Facets without a value are left out."""
    metadata, spec = mapping_of(document.get("metadata")), mapping_of(document.get("spec"))
    kind, namespace, _ = split_ref(ref)
    facets = {
        "kind": [text_of(document.get("kind")) or kind],
        "type": _values(spec.get("type")),
        "owner": sorted({owner for text in _values(spec.get("owner")) if (owner := _full(text, _OWNER_KIND, namespace))}),
        "lifecycle": _values(spec.get("lifecycle")),
        "tag": _values(metadata.get("tags")),
        "namespace": [text_of(metadata.get("namespace")) or DEFAULT_NAMESPACE],
    }
    return {facet: values for facet, values in facets.items() if values}


def _is_template(ref: Ref) -> bool:
    return ref.startswith("template:")


def _values(value: object) -> list[str]:
    return list(dict.fromkeys(text for text in texts_in(value) if len(text) <= LONGEST_NAME))[:_MOST_VALUES]


def _full(text: str, default_kind: str, namespace: str) -> Ref | None:
    try:
        return parse_ref(text, default_kind=default_kind, default_namespace=namespace).ref
    except InvalidRefError:
        return None


def _references(spec: Mapping[str, object], own_namespace: str) -> Iterator[str]:
    """The names that the entity's own references have, with the namespace where that is another."""
    for name in REFERENCE_FIELDS:
        for text in texts_in(spec.get(name)):
            try:
                ref = parse_ref(text, default_kind=_OWNER_KIND, default_namespace=own_namespace)
            except InvalidRefError:
                continue
            yield ref.name if ref.namespace.lower() == own_namespace else f"{ref.namespace}/{ref.name}"


def _details(document: Document, metadata: Mapping[str, object], spec: Mapping[str, object]) -> Iterator[str]:
    yield text_of(document.get("kind"))
    namespace = text_of(metadata.get("namespace"))
    yield "" if namespace == DEFAULT_NAMESPACE else namespace
    for *outer, name in DETAIL_FIELDS:
        holder = mapping_of(spec.get(outer[0])) if outer else spec
        yield from texts_in(holder.get(name))
    for link in mappings_in(metadata.get("links")):
        yield text_of(link.get("title"))
        yield text_of(link.get("type"))
    for key, value in mapping_of(metadata.get("labels")).items():
        if text := text_of(value):
            yield f"{text_of(key).rpartition('/')[2]}: {text}"
    annotations = mapping_of(metadata.get("annotations"))
    for name in WELL_KNOWN_ANNOTATIONS:
        yield text_of(annotations.get(name)).removeprefix("url:")
