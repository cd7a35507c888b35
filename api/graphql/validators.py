"""ETags of answers to GET: what an answer depends on, so that asking again costs nothing while that is unchanged."""

from collections.abc import Set as AbstractSet
from hashlib import blake2b

import orjson
from graphql import GraphQLSchema, parse

from api.graphql.context import Context
from api.graphql.costs import measured
from api.graphql.requests import GraphQLRequest
from graph.conditions import EVERYTHING

BESIDE_THE_LOG: AbstractSet[str] = frozenset(
    {
        "Ancestry",
        "CatalogError",
        "CatalogErrorChange",
        "CatalogErrorConnection",
        "CatalogErrorEdge",
        "ChangeConnection",
        "Claim",
        "DanglingRelation",
        "DanglingRelationConnection",
        "DanglingRelationEdge",
        "DifferenceConnection",
        "Docs",
        "DocsFlawConnection",
        "DocsProblem",
        "DryRun",
        "DryRunStep",
        "Evidence",
        "JobCounts",
        "JobFailure",
        "JobsReport",
        "Location",
        "LocationConnection",
        "LocationCounts",
        "LocationEdge",
        "Origin",
        "PersonalToken",
        "RegisterLocationPayload",
        "RegisteredEntity",
        "ScaffolderTask",
        "ScaffolderTaskConnection",
        "ScaffolderTaskStep",
        "SearchConnection",
        "SearchResult",
        "TemplateProblem",
        "TemplateUpgrade",
        "TemplateUse",
        "TemplateUseConnection",
        "UnregisterLocationPayload",
        "Viewer",
        "Webhook",
        "WebhookDeadLetter",
        "WhyMissing",
    }
)
"""Types that tell of reading, such as lines, errors and locations, of the log's past, of which older entries are cut off and merged, or
of what else is kept beside the graph: tasks, documentation and the search index. They change without an entry in the log.
"""

_WORDS_BESIDE_THE_LOG = (b"hasErrors", b"searchSuggestions")
"""A filter, and a field whose values have no type of their own, that do so too."""

_LAST = 2**62


async def log_tag(request: GraphQLRequest, context: Context, fingerprint: str) -> str:
    """The tag of an answer that depends on the log alone: on its newest entry, the request, what the principal sees, and `fingerprint`.

    The entry's time is part of it, because a catalog that was deleted and read anew has the same numbers. StoreError.
    """
    newest = await context.store.changes(_LAST, 1, visible=EVERYTHING, backward=True)
    head = [[change.sequence, change.at.isoformat()] for change in newest]
    asked = [request.query, request.operation_name, request.variables]
    return _tag("log", orjson.dumps([head, asked, repr(context.visible), context.principal, fingerprint]))


def content_tag(body: bytes) -> str:
    """The tag of an answer that depends on more than the log: made from the answer itself."""
    return _tag("content", body)


def depends_on_log_alone(schema: GraphQLSchema, request: GraphQLRequest) -> bool:
    """Whether an executed request reads nothing that changes without an entry in the log."""
    operation = measured(schema, parse(request.query, no_location=True), request.operation_name)
    text = request.query.encode() + orjson.dumps(request.variables)
    return operation.types.isdisjoint(BESIDE_THE_LOG) and not any(word in text for word in _WORDS_BESIDE_THE_LOG)


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether an If-None-Match header names the tag. A tag that a proxy made weak counts as well."""
    named = {candidate.strip().removeprefix("W/") for candidate in (if_none_match or "").split(",")}
    return tag in named or "*" in named


def _tag(kind: str, content: bytes) -> str:
    return f'"{kind}-{blake2b(content, digest_size=16).hexdigest()}"'
