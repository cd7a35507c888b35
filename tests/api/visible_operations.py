"""Operations that read everything that GraphQL shows of a catalog, for comparing two catalogs."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from api.graphql.cursors import id_of
from graph.refs import Ref
from tests.visible_catalogs import EXISTING, REFS

_LIST = (
    "{ totalCount edges { cursor targetRef node { ref spec } evidence { declarer field line } } nodes { ref } pageInfo { hasNextPage } }"
)
_PAGE = "pageInfo { hasPreviousPage hasNextPage startCursor endCursor }"
_CHANGES = f"{{ totalCount edges {{ cursor node {{ sequence ref operation patch entity {{ spec }} cause {{ kind detail }} }} }} {_PAGE} }}"
_IMPACT = f"""{{ roots {{ ref spec }} totalCount maxDepth truncated byKind {{ value count }} byType {{ value count }}
  byLifecycle {{ value count }} byOwner {{ ownerRef owner {{ ref }} count }} nodes {{ ref metadata }}
  edges {{ cursor depth path {{ fromRef toRef relation direction evidence {{ declarer field }} fromEntity {{ spec }} }} }} {_PAGE} }}"""

_PLAIN = "id ref kind namespace name apiVersion title description labels annotations tags links { url title } metadata spec orphan"
_EDGES = f"totalCount edges {{ cursor relation direction targetRef node {{ ref spec }} evidence {{ declarer field path line }} }} {_PAGE}"

_ENTITY = f"""
  {_PLAIN} owner {{ ref spec }} owners {{ ref }} relations {{ {_EDGES} }} last: relations(last: 2, direction: IN) {{ {_EDGES} }}
  dependents {_LIST} dependencies {_LIST} errors {{ id code message remedy }}
  origin {{ path line document parentRef parent {{ ref spec }} location {{ id counts {{ entities }} }} }} ancestry {{ ancestors {{ ref }} }}
  history {_CHANGES}
  ... on Component {{ type lifecycle system {{ ref }} subcomponentOf {{ ref }} subcomponents {_LIST} dependsOn {_LIST} dependencyOf {_LIST}
    providesApis {_LIST} consumesApis {_LIST} }}
  ... on API {{ type definition providers {_LIST} consumers {_LIST} system {{ ref }} }}
  ... on System {{ domain {{ ref }} components {_LIST} apis {_LIST} resources {_LIST} }}
  ... on Domain {{ systems {_LIST} }}
  ... on Group {{ displayName email parent {{ ref }} children {_LIST} ancestors {_LIST} descendants {_LIST}
    members(transitive: true) {_LIST} owns {_LIST} }}
  ... on User {{ displayName email memberOf {_LIST} above: memberOf(transitive: true) {_LIST} owns {_LIST} }}
"""

ENTITIES = f"query ($f: EntityFilter) {{ entities(filter: $f) {{ totalCount edges {{ cursor targetRef node {{ {_ENTITY} }} }} {_PAGE} }} }}"

ENTITIES_IN_BRIEF = f"""query ($f: EntityFilter) {{ entities(filter: $f) {{ totalCount edges {{ cursor node {{ {_PLAIN}
  relations {{ {_EDGES} }}
  errors {{ id message }} origin {{ parentRef }} history {_CHANGES} }} }} }} }}"""

LISTS = f"""query ($f: EntityFilter, $g: EntityFilter, $o: [EntityOrder!]) {{
  a: entities(filter: $f, first: 2, orderBy: $o) {{ totalCount edges {{ cursor node {{ ref metadata }} }} {_PAGE} }}
  b: entities(filter: $g, last: 2, orderBy: $o) {{ totalCount edges {{ cursor node {{ ref }} }} {_PAGE} }}
  components(filter: $f) {{ totalCount nodes {{ ref relations(filter: $g) {{ totalCount edges {{ targetRef }} }}
    dependencies(filter: $g) {{ totalCount edges {{ targetRef }} }} }} {_PAGE} }}
  apis {{ totalCount nodes {{ ref spec }} }} resources {{ totalCount }} systems {{ nodes {{ ref }} }} domains {{ nodes {{ ref }} }}
  groups(filter: $g) {{ totalCount nodes {{ ref owns(filter: $f) {{ totalCount nodes {{ ref }} }} }} }} users {{ nodes {{ ref spec }} }}
  cycles {{ totalCount nodes {{ size members {{ nodes {{ ref }} }} steps {{ fromRef toRef relation evidence {{ field }} }} }} }}
  danglingRelations(first: 2) {{ totalCount edges {{ cursor node {{ sourceRef targetRef relation source {{ ref }} target {{ ref }}
    evidence {{ declarer field }} }} }} {_PAGE} }}
  catalogErrors {{ totalCount edges {{ cursor node {{ id ref code message remedy path line entity {{ ref spec }} }} }} {_PAGE} }}
  locations {{ totalCount nodes {{ id target counts {{ entities files errors }} }} }}
  changes(first: 4) {_CHANGES} latest: changes(last: 3) {_CHANGES}
  viewer {{ ref entity {{ ref }} }} jobs {{ jobs {{ name }} }}
}}"""

FACETS = "query ($of: [String!]!, $f: EntityFilter) { facets(of: $of, filter: $f) { of values { value count } } }"

ABOUT_REFS = f"""query ($refs: [String!]!, $keys: [_Any!]!) {{
  entitiesByRef(refs: $refs) {{ ref metadata }}
  _entities(representations: $keys) {{ __typename ... on Entity {{ ref spec }} }}
  impact(of: $refs) {_IMPACT} back: impact(of: $refs, direction: DEPENDENCIES, maxDepth: 2, first: 2) {_IMPACT}
  changes(of: $refs) {_CHANGES}
  catalogErrors(of: $refs) {{ totalCount nodes {{ ref }} }}
}}"""

ABOUT_ONE = f"""query ($id: ID!, $ref: String!, $to: String!, $f: EntityFilter) {{
  node(id: $id) {{ id ... on Entity {{ ref }} }}
  whyMissing(ref: $ref) {{ ref presence explanation entity {{ ref spec }} errors {{ id message }} claims {{ path line holds }}
    lastChange {{ sequence operation patch }} references {{ entity {{ ref spec }} relation direction evidence {{ declarer field }} }}
    failedLocations {{ id }} leavesAt nearest {{ ref }} sameName {{ ref spec }} }}
  paths(from: $ref, to: $to) {{ length nodes {{ ref spec }} steps {{ fromRef toRef relation direction evidence {{ declarer field }} }} }}
  owned: paths(from: $ref, to: $to, relations: [OWNED_BY, CHILD_OF, PART_OF]) {{ length steps {{ toRef }} }}
  impact(of: [$ref], filter: $f, relations: [DEPENDS_ON, PART_OF, CONSUMES_APIS], first: 1) {_IMPACT}
}}"""

PAST = f"""query ($ref: String!, $at: String!) {{ entity(ref: $ref, at: $at) {{
  {_PLAIN.replace("orphan", "")} owner {{ ref spec }}
  relations {{ totalCount edges {{ relation direction targetRef node {{ ref spec }} }} }}
  dependencies {{ totalCount nodes {{ ref spec }} }}
}} }}"""

DIFFERENCE = f"""query ($from: String!, $f: EntityFilter) {{ diff(from: $from) {{ totalCount edges {{ cursor node {{ ref operation patch
    before {{ ref spec }} after {{ ref spec }} entity {{ ref }}
    addedRelations {{ sourceRef relation targetRef }} removedRelations {{ sourceRef relation targetRef }} }} }} {_PAGE} }}
  few: diff(from: $from, first: 1, filter: $f) {{ totalCount nodes {{ ref }} {_PAGE} }} }}"""

FACET_PATHS = (
    "kind", "metadata.namespace", "spec.type", "spec.lifecycle", "metadata.tags", "metadata.annotations.example.com/x",
    "metadata.labels.tier", "spec.profile.email",
    "metadata.title", "relations.ownedBy", "relations.ownerOf", "relations.partOf", "relations.dependsOn",
    "relations.hasMember",
)  # fmt: skip

Operation = tuple[str, Mapping[str, Any]]


def operations_in_brief(refs: Sequence[Ref], head: int) -> Sequence[Operation]:
    """Those that lead to a few texts of queries, always the same."""
    asked: list[Operation] = [
        (ENTITIES_IN_BRIEF, {"f": {}}),
        (FACETS, {"of": FACET_PATHS, "f": {"kind": ["component", "api"]}}),
        (ABOUT_REFS, {"refs": REFS, "keys": []}),
        (DIFFERENCE, {"from": str(head // 2), "f": {"kind": ["component"]}}),
    ]
    for ref in refs:
        asked.append((ABOUT_ONE, {"id": id_of(ref), "ref": ref, "to": EXISTING[0], "f": {"type": ["a"]}}))
        asked.append((PAST, {"ref": ref, "at": str(head // 2)}))
    return asked


def operations(
    filters: Sequence[Mapping[str, Any]], order: Sequence[Mapping[str, str]], refs: Sequence[Ref], head: int
) -> Sequence[Operation]:
    """Questions about everything, about those refs in particular, and about moments up to the head of the log."""
    one, other = filters
    keys = [{"__typename": "Entity", "ref": ref} for ref in EXISTING]
    asked: list[Operation] = [
        (ENTITIES, {"f": {}}),
        (LISTS, {"f": one, "g": other, "o": order}),
        (FACETS, {"of": FACET_PATHS, "f": {}}),
        (FACETS, {"of": FACET_PATHS, "f": one}),
        (ABOUT_REFS, {"refs": REFS, "keys": keys}),
    ]
    for ref, to in zip(refs, [*refs[1:], *refs[:1]], strict=True):
        asked.append((ABOUT_ONE, {"id": id_of(ref), "ref": ref, "to": to, "f": other}))
        asked.append((ABOUT_REFS, {"refs": [ref], "keys": []}))
        asked.append((PAST, {"ref": ref, "at": str(head // 2)}))
    asked += [(DIFFERENCE, {"from": str(at), "f": {"kind": ["component", "group"]}}) for at in {0, head // 2}]
    return asked


def without_places(answer: Any) -> Any:
    """The answer with the places of references in their lists taken out of evidence: by them hidden ones would be told."""
    if isinstance(answer, list):
        return [without_places(one) for one in answer]
    if not isinstance(answer, dict):
        return answer
    told = {key: without_places(value) for key, value in answer.items()}
    if isinstance(told.get("field"), str):
        told["field"] = re.sub(r"\[\d+\]", "", told["field"])
    if "evidence" in told:
        told["evidence"] = [one for i, one in enumerate(told["evidence"]) if one not in told["evidence"][:i]]
    return told
