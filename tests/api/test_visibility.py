"""A hidden entity reads exactly as a missing one, wherever it could show."""

import pytest

from config.permission import Permission
from graph.conditions import Condition, Not, RefIn, fact_in
from graph.entities import canonical_json, content_hash
from graph.refs import Ref
from graph.store import Batch, Removal, Store
from tests.api.catalog import CAUSE, ORGANISATION, Asking, ref_of, write_of
from tests.api.http import client_of

LEDGER = Ref("component:default/ledger")
WITHOUT_LEDGER: Condition = Not(RefIn((LEDGER,)))

EVERYWHERE = """{
  entity(ref: "component:ledger") { ref }
  entitiesByRef(refs: ["component:ledger", "component:audit"]) { ref }
  entities { totalCount nodes { ref } }
  components(filter: { owner: "blue" }) { totalCount nodes { ref } }
  facets(of: ["kind", "spec.lifecycle", "relations.ownedBy"]) { values { value count } }
  shop: entity(ref: "component:shop") {
    relations { totalCount edges { targetRef node { ref } } }
    dependencies { totalCount edges { targetRef node { ref } } }
    ... on Component {
      dependsOn { totalCount nodes { ref } edges { targetRef node { ref } } }
      providesApis { nodes { consumers { totalCount edges { targetRef } } } } } }
  system: entity(ref: "system:checkout") { ... on System { components { totalCount edges { targetRef } } } }
  blue: entity(ref: "group:blue") { ... on Group { owns { totalCount edges { targetRef } } } }
  bob: entity(ref: "user:bob") { ... on User { owns { totalCount edges { targetRef } } } }
  impact(of: ["component:shop"]) { totalCount maxDepth nodes { ref } byOwner { ownerRef count } byLifecycle { value count } }
  ofHidden: impact(of: ["component:ledger"]) { roots { ref } totalCount }
  paths(from: "component:audit", to: "component:shop") { length }
  cycles { totalCount }
  danglingRelations { nodes { sourceRef targetRef } }
  whyMissing(ref: "component:ledger") {
    presence explanation entity { ref } claims { path } errors { code } references { entity { ref } } sameName { ref } }
  catalogErrors { totalCount nodes { ref } }
  _entities(representations: [{ __typename: "Component", ref: "component:ledger" }]) { __typename }
}"""


async def test_a_hidden_entity_reads_as_a_missing_one(asking: Asking, organisation: Store) -> None:
    hidden = await asking.data(EVERYWHERE, visible=WITHOUT_LEDGER)
    ledger = next(document for document in ORGANISATION if ref_of(document) == LEDGER)
    await organisation.apply(Batch(CAUSE, removals=[Removal(LEDGER, content_hash(canonical_json(ledger)))]))
    # Whoever may see everything also sees that it was removed, so the same restricted eyes look twice.
    assert hidden == await asking.data(EVERYWHERE, visible=WITHOUT_LEDGER)
    assert hidden["entities"]["totalCount"] == 19
    assert hidden["impact"]["totalCount"] == 1
    assert hidden["whyMissing"]["presence"] == "REFERENCED"


async def test_the_log_leaves_hidden_entities_out(asking: Asking) -> None:
    data = await asking.data("{ changes(first: 100) { totalCount nodes { ref } } }", visible=WITHOUT_LEDGER)
    refs = [change["ref"] for change in data["changes"]["nodes"]]
    assert LEDGER not in refs
    assert "component:default/old" not in refs
    assert data["changes"]["totalCount"] == len(refs) == 20


async def test_numbers_of_locations_are_kept_from_whoever_may_not_see_everything(asking: Asking) -> None:
    data = await asking.data("{ locations { nodes { id counts { entities } } } }", visible=WITHOUT_LEDGER)
    assert data["locations"]["nodes"] == [{"id": "loc-1", "counts": None}, {"id": "loc-2", "counts": None}]


async def test_claims_of_a_hidden_entity_do_not_show(asking: Asking) -> None:
    hidden: Condition = Not(RefIn((Ref("component:default/shop"),)))
    operation = '{ whyMissing(ref: "component:shop") { presence claims { path } errors { code } lastChange { sequence } } }'
    data = await asking.data(operation, visible=hidden)
    assert data["whyMissing"] == {"presence": "REFERENCED", "claims": [], "errors": [], "lastChange": None}


@pytest.mark.parametrize("field", ["owner { ref }", "owners { ref }"])
async def test_a_hidden_owner_is_a_missing_one(asking: Asking, field: str) -> None:
    data = await asking.data(f'{{ entity(ref: "component:shop") {{ {field} }} }}', visible=Not(fact_in("kind", ["group"])))
    assert list(data["entity"].values()) in ([None], [[]])


async def test_a_cursor_does_not_tell_whether_the_row_it_names_is_hidden(asking: Asking) -> None:
    page = await asking.data("{ components(first: 3) { pageInfo { endCursor } } }")
    operation = "query ($c: String) { components(first: 2, after: $c) { nodes { ref } } }"
    data = await asking.data(operation, visible=WITHOUT_LEDGER, c=page["components"]["pageInfo"]["endCursor"])
    assert data["components"]["nodes"] == [{"ref": "component:default/shop"}]


async def test_the_tag_of_an_answer_does_not_tell_that_something_hidden_has_changed(organisation: Store) -> None:
    readers = [{"allow": ["catalog.entity.read"], "to": ["everyone"], "if": {"not": {"hasTag": ["java"]}}}]
    ledger, orders = (next(d for d in ORGANISATION if d["metadata"]["name"] == name) for name in ("ledger", "orders"))
    asked = {"query": "{ entities(first: 100) { nodes { ref title } } }"}
    async with client_of(organisation, permission=Permission.model_validate({"rules": readers})) as client:
        tag = (await client.get("/graphql", params=asked)).headers["etag"]
        await organisation.apply(Batch(CAUSE, [write_of({**ledger, "spec": {"type": "library"}}, previous=ledger)]))
        again = await client.get("/graphql", params=asked, headers={"If-None-Match": tag})
        assert (again.status_code, again.headers["etag"]) == (304, tag)
        titled = {**orders, "metadata": {**orders["metadata"], "title": "Orders"}}
        await organisation.apply(Batch(CAUSE, [write_of(titled, previous=orders)]))
        after = await client.get("/graphql", params=asked, headers={"If-None-Match": tag})
        assert after.status_code == 200
        assert after.headers["etag"] != tag


async def test_what_could_only_be_had_by_telling_is_refused(organisation: Store) -> None:
    """Whatever entities there are: the refusal itself tells nothing."""
    policy = {
        "rules": [{"allow": ["catalog.entity.read"], "to": ["everyone"]}],
        "references": "hidden",
        "redact": [{"fields": ["metadata.title"], "from": ["everyone"], "if": {"hasTag": ["nothing-has-it"]}}],
    }
    async with client_of(organisation, permission=Permission.model_validate(policy)) as client:
        for wanted, order in (("{}", "spec.owner"), ("{}", "metadata.title"), ('{ where: { path: "spec.dependsOn" } }', "kind")):
            query = f'{{ entities(filter: {wanted}, orderBy: {{ path: "{order}" }}) {{ nodes {{ ref }} }} }}'
            answer = (await client.post("/graphql", json={"query": query})).json()
            assert answer["data"] is None
            assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]
        for asked in (
            "entity-facets?facet=spec.owner",
            "entities?filter=spec.system=checkout",
            "entities/by-query?orderField=metadata.title",
        ):
            answer = await client.get(f"/api/catalog/{asked}")
            assert (answer.status_code, answer.json()["error"]["name"]) == (400, "InputError")
