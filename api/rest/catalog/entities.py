"""Entities by their names, uids and refs, with what led to them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.rest.answers import answering, json_object, json_text_answer
from api.rest.catalog.conversion import surroundings_of, texts_of
from api.rest.catalog.fields import fields_of
from api.rest.catalog.members import JsonObject, object_of, texts_in
from api.rest.catalog.predicates import predicate_of_filters
from api.rest.catalog.reading import MAX_BODY_BYTES, Catalog, Reading
from graph.conditions import EVERYTHING, Condition, RefIn, all_of, fact_in
from graph.entities import Entity
from graph.errors import InputError, NotFoundError
from graph.refs import EntityRef, Ref
from graph.store import Window

MOST_REFS = 1000
_DEEPEST_ANCESTRY = 100


def entity_routes(prefix: str, catalog: Catalog) -> Sequence[Route]:
    """The routes that answer with entities that the request names. 404 for one that is missing or hidden, or null in its place."""

    async def by_name(request: Request) -> Response:
        reading, named = catalog.read_by(request), EntityRef(**request.path_params)
        found, surroundings = await asyncio.gather(
            reading.store.entities_by_ref([named.ref], visible=reading.visible), surroundings_of(reading, [named.ref])
        )
        if named.ref not in found:
            raise NotFoundError(f"No entity named '{named.name}' found, with kind '{named.kind}' in namespace '{named.namespace}'")
        return json_text_answer(surroundings.text_of(found[named.ref]))

    async def by_uid(request: Request) -> Response:
        reading, uid = catalog.read_by(request), cast("str", request.path_params["uid"])
        page = await reading.store.page(fact_in("metadata.uid", [uid]), [], Window(1), visible=reading.visible)
        texts = await texts_of(reading, page.rows, None)
        if not texts:
            raise NotFoundError(f"No entity with uid {uid}")
        return json_text_answer(texts[0])

    async def ancestry(request: Request) -> Response:
        reading, ref = catalog.read_by(request), EntityRef(**request.path_params).ref
        return await _ancestry(reading, ref)

    async def by_refs(request: Request) -> Response:
        return await _by_refs(catalog.read_by(request), request, await json_object(request, MAX_BODY_BYTES))

    one = prefix + "/entities/by-name/{kind}/{namespace}/{name}"
    return [
        Route(one, answering(by_name), methods=["GET"]),
        Route(one + "/ancestry", answering(ancestry), methods=["GET"]),
        Route(prefix + "/entities/by-uid/{uid}", answering(by_uid), methods=["GET"]),
        Route(prefix + "/entities/by-refs", answering(by_refs), methods=["POST"]),
    ]


async def _by_refs(reading: Reading, request: Request, body: JsonObject) -> Response:
    given = texts_in(body, "entityRefs")
    if given is None:
        raise InputError("Malformed request body (did you remember to specify an application/json content type?), `entityRefs` is missing")
    refs = [Ref(text.lower()) for text in given]
    if len(refs) > MOST_REFS:
        raise InputError(f"`entityRefs` holds {len(refs):,} refs; a request may ask for {MOST_REFS:,}. Ask in parts.")
    fields = fields_of([*request.query_params.getlist("fields"), *(texts_in(body, "fields") or ())])
    filtered = await reading.condition_of(predicate_of_filters(request.query_params.getlist("filter")), object_of(body, "query"))
    unique = list(dict.fromkeys(refs))
    found, surroundings = await asyncio.gather(_found(reading, unique, filtered), surroundings_of(reading, unique, fields))
    texts = {ref: surroundings.text_of(entity) for ref, entity in found.items()}
    return json_text_answer(b'{"items":[%b]}' % b",".join([texts.get(ref, b"null") for ref in refs]))


async def _found(reading: Reading, refs: Sequence[Ref], filter: Condition) -> Mapping[Ref, Entity]:
    """Those of the refs that are entities which the filter lets through."""
    if filter == EVERYTHING:
        return await reading.store.entities_by_ref(refs, visible=reading.visible)
    page = await reading.store.page(all_of([RefIn(tuple(refs)), filter]), [], Window(len(refs)), visible=reading.visible)
    return {entity.ref: entity for entity in page.rows}


async def _ancestry(reading: Reading, root: Ref) -> Response:
    """The entity, and what led to it, upwards from it: each with the one that led to it in turn. What can't be seen ends the line."""
    line: list[Entity] = []
    wanted: Ref | None = root
    seen: set[Ref] = set()
    while wanted is not None and wanted not in seen and len(line) < _DEEPEST_ANCESTRY:
        found = await reading.store.entities_by_ref([wanted], visible=reading.visible)
        if wanted not in found:
            break
        seen.add(wanted)
        line.append(found[wanted])
        wanted = found[wanted].origin.parent
    if not line:
        raise NotFoundError(f"No such entity {root}")
    texts = await texts_of(reading, line, None)
    refs = [entity.ref for entity in line]
    items = [
        b'{"entity":%b,"parentEntityRefs":%b}' % (text, orjson.dumps(above))
        for text, above in zip(texts, [[ref] for ref in refs[1:]] + [[]], strict=True)
    ]
    return json_text_answer(b'{"rootEntityRef":%b,"items":[%b]}' % (orjson.dumps(root), b",".join(items)))
