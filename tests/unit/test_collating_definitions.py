"""Definitions of APIs as search documents, format by format."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.refs import Ref
from plugins.contract import CollatedDocument, TextField
from workers.search.collators.definitions import (
    LONGEST_DEFINITION,
    MOST_DOCUMENTS,
    DefinitionCollator,
    UnreadableError,
    definition_documents,
)

SERVICES = Path(__file__).parents[2] / "examples" / "services"

REFUNDS = """
swagger: "2.0"
info: {title: Refunds, version: "1"}
basePath: /v1/
paths:
  /refunds:
    parameters:
      - {$ref: "#/parameters/Key"}
    post:
      summary: Give money back
      description: |
        Two to five
        days.
      operationId: refund
      tags: [money]
      parameters:
        - {in: body, name: body, schema: {$ref: "#/definitions/Refund"}}
      responses:
        200: {description: Done., schema: {$ref: "#/definitions/Refund"}}
parameters:
  Key: {name: Idempotency-Key, in: header, type: string, description: Sent again.}
definitions:
  Refund:
    description: Money on its way back.
    properties:
      amount: {type: integer, description: In cents.}
      reason: {type: string, enum: [goodwill, duplicate]}
      of: {$ref: "#/definitions/Refund"}
"""


def names(text: str) -> list[str]:
    return [document.texts[TextField.NAME] for document in definition_documents(text)]


def test_an_openapi_operation_is_found_by_method_path_and_fields():
    assert definition_documents(REFUNDS) == (
        CollatedDocument(
            "#/paths/~1refunds/post",
            {
                TextField.NAME: "POST /refunds",
                TextField.TITLE: "Give money back",
                TextField.TAGS: "money",
                TextField.DESCRIPTION: "Two to five\ndays.",
                TextField.DETAILS: "refund\n/v1/refunds",
                TextField.PARAMETERS: "body\nRefund\namount\nreason\nof\ngoodwill\nduplicate\nIdempotency-Key: Sent again.",
                TextField.BODY: "Done.\nRefund\namount\nreason\nof\ngoodwill\nduplicate",
            },
            "#/paths/~1refunds/post",
        ),
        CollatedDocument(
            "#/definitions/Refund",
            {
                TextField.NAME: "Refund",
                TextField.DESCRIPTION: "Money on its way back.",
                TextField.BODY: "amount: In cents.\nreason\nof\ngoodwill\nduplicate",
            },
            "#/definitions/Refund",
        ),
    )


def test_openapi_3_has_request_bodies_webhooks_and_methods_of_its_own():
    definition = {
        "openapi": "3.2.0",
        "info": {"title": "Shop", "summary": "Sells."},
        "servers": [{"url": "https://api.example/shop"}],
        "paths": {
            "/a~b/{id}": {
                "query": {"requestBody": {"$ref": "#/components/requestBodies/Wish"}},
                "additionalOperations": {"COPY": {"responses": {"201": {"content": {"application/json": {"schema": {"const": "made"}}}}}}},
            }
        },
        "webhooks": {"sold": {"post": {"summary": "Something was sold"}}},
        "components": {
            "requestBodies": {"Wish": {"description": "What for.", "content": {"*/*": {"schema": {"items": {"properties": {"size": {}}}}}}}}
        },
    }
    found = definition_documents(json.dumps(definition))
    assert found == definition_documents(definition)
    assert {document.key: document.texts for document in found} == {
        "#/info": {TextField.NAME: "Shop", TextField.DESCRIPTION: "Sells."},
        "#/paths/~1a~0b~1{id}/query": {
            TextField.NAME: "QUERY /a~b/{id}",
            TextField.DETAILS: "/shop/a~b/{id}",
            TextField.PARAMETERS: "What for.\nsize",
        },
        "#/paths/~1a~0b~1{id}/additionalOperations/COPY": {
            TextField.NAME: "COPY /a~b/{id}",
            TextField.DETAILS: "/shop/a~b/{id}",
            TextField.BODY: "made",
        },
        "#/webhooks/sold/post": {TextField.NAME: "POST sold", TextField.TITLE: "Something was sold"},
    }


def test_asyncapi_2_has_an_operation_for_each_action_of_a_channel():
    definition = """
asyncapi: 2.6.0
channels:
  user/{id}/signed-up:
    parameters: {id: {description: Whose.}}
    publish:
      operationId: onSignUp
      tags: [{name: people}]
      message: {$ref: "#/components/messages/SignedUp"}
    subscribe:
      summary: Either
      message: {oneOf: [{$ref: "#/components/messages/SignedUp"}, {name: Other, payload: {properties: {why: {}}}}]}
  idle: {description: Nothing yet.}
components:
  messages:
    SignedUp: {title: Somebody signed up, payload: {schemaFormat: x, schema: {properties: {mail: {type: string}}}}}
"""
    assert {document.key: document.texts for document in definition_documents(definition)} == {
        "#/channels/user~1{id}~1signed-up/publish": {
            TextField.NAME: "publish user/{id}/signed-up",
            TextField.TAGS: "people",
            TextField.DETAILS: "onSignUp",
            TextField.PARAMETERS: "id: Whose.",
            TextField.BODY: "SignedUp\nSomebody signed up\nmail",
        },
        "#/channels/user~1{id}~1signed-up/subscribe": {
            TextField.NAME: "subscribe user/{id}/signed-up",
            TextField.TITLE: "Either",
            TextField.PARAMETERS: "id: Whose.",
            TextField.BODY: "SignedUp\nSomebody signed up\nmail\nOther\nwhy",
        },
        "#/channels/idle": {TextField.NAME: "idle", TextField.DESCRIPTION: "Nothing yet."},
        "#/components/messages/SignedUp": {TextField.NAME: "SignedUp", TextField.TITLE: "Somebody signed up", TextField.BODY: "mail"},
    }


def test_graphql_has_operations_of_its_root_types_and_types_with_what_extends_them():
    schema = """
schema { query: Root }
type Root { "Shops near." shops(near: Place!, first: Int = 5): [Shop!]! }
extend type Root { count: Int }
"A place to buy." type Shop { id: ID! "Since when." since: Date }
extend type Shop { owner: Owner }
input Place { latitude: Float }
union Owner = Person | Firm
enum Colour { "Like blood." RED GREEN }
scalar Date
directive @x on FIELD
"""
    assert {document.key: document.texts for document in definition_documents(schema)} == {
        "Root.shops": {
            TextField.NAME: "query shops",
            TextField.DESCRIPTION: "Shops near.",
            TextField.PARAMETERS: "near\nlatitude\nfirst",
            TextField.BODY: "Shop\nid\nsince\nowner",
        },
        "Root.count": {TextField.NAME: "query count", TextField.BODY: "Int"},
        "Shop": {TextField.NAME: "Shop", TextField.DESCRIPTION: "A place to buy.", TextField.BODY: "id\nsince: Since when.\nowner"},
        "Place": {TextField.NAME: "Place", TextField.BODY: "latitude"},
        "Owner": {TextField.NAME: "Owner", TextField.BODY: "Person\nFirm"},
        "Colour": {TextField.NAME: "Colour", TextField.BODY: "RED: Like blood.\nGREEN"},
        "Date": {TextField.NAME: "Date"},
    }


def test_protobuf_has_methods_and_messages_with_their_comments():
    definition = """
// A licence.

syntax = "proto3";
package shop.v1;
option java_package = "x.{y}";
/**
 * Sells.
 */
service Till {
  option (a) = { b: { c: 1 } };
  // Takes money.
  rpc Pay (stream .shop.v1.Payment) returns (shop.v1.Payment.Receipt) { option (google.api.http) = { post: "/pay" body: "*" }; }
  rpc Close(Nothing) returns (stream Nothing); // For today.
}
message Payment {
  reserved 4, 5; reserved "old";
  // In cents.
  int64 amount = 1 [(validate) = { gt: 0 }, deprecated = true];
  map<string, string> notes = 2; // What was said.
  oneof how { string card = 6; bool cash = 7; }
  message Receipt { repeated string lines = 1; }
  enum State { option allow_alias = true; OPEN = 0; PAID = 1; }
  extensions 100 to 199;
}
extend google.protobuf.FieldOptions { string ignored = 50000; }
message Unclosed { string last = 1;
"""
    assert {document.key: document.texts for document in definition_documents(definition)} == {
        "shop.v1.Till.Pay": {
            TextField.NAME: "Till/Pay",
            TextField.DESCRIPTION: "Takes money.",
            TextField.DETAILS: "shop.v1.Till/Pay",
            TextField.PARAMETERS: "Payment\namount\nnotes\ncard\ncash",
            TextField.BODY: "Receipt\nlines",
        },
        "shop.v1.Till.Close": {
            TextField.NAME: "Till/Close",
            TextField.DESCRIPTION: "For today.",
            TextField.DETAILS: "shop.v1.Till/Close",
            TextField.PARAMETERS: "Nothing",
            TextField.BODY: "Nothing",
        },
        "shop.v1.Till": {
            TextField.NAME: "Till",
            TextField.DESCRIPTION: "Sells.",
            TextField.DETAILS: "shop.v1.Till",
            TextField.BODY: "Pay: Takes money.\nClose: For today.",
        },
        "shop.v1.Payment": {
            TextField.NAME: "Payment",
            TextField.DETAILS: "shop.v1.Payment",
            TextField.BODY: "amount: In cents.\nnotes: What was said.\ncard\ncash",
        },
        "shop.v1.Payment.Receipt": {
            TextField.NAME: "Payment.Receipt",
            TextField.DETAILS: "shop.v1.Payment.Receipt",
            TextField.BODY: "lines",
        },
        "shop.v1.Payment.State": {
            TextField.NAME: "Payment.State",
            TextField.DETAILS: "shop.v1.Payment.State",
            TextField.BODY: "OPEN\nPAID",
        },
        "shop.v1.Unclosed": {TextField.NAME: "Unclosed", TextField.DETAILS: "shop.v1.Unclosed", TextField.BODY: "last"},
    }


async def test_the_format_is_found_out_whatever_the_type_says():
    document = {"kind": "API", "spec": {"type": "grpc", "definition": REFUNDS}}
    assert [found.key for found in await DefinitionCollator().documents(Ref("api:default/a"), document)] == [
        "#/paths/~1refunds/post",
        "#/definitions/Refund",
    ]


BOMB = "openapi: 3.0.0\na: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    "definition",
    [
        "No definition is available.",
        "https://api.example/openapi.json",
        "openapi: [",
        "{",
        "type Query {",
        BOMB,
        "openapi: 3.0.0\npaths: " + "[" * 1000 + "]" * 1000,
        '{"openapi": ' + "[" * 100_000,
        "type Query { a: " + "[" * 50_000 + "Int" + "]" * 50_000 + " }",
        "openapi: 3.0.0\n" + "#" * LONGEST_DEFINITION,
        "\0\ud800",
    ],
)
async def test_what_can_not_be_read_gives_nothing(definition: str):
    assert await DefinitionCollator().documents(Ref("api:default/a"), {"spec": {"definition": definition}}) == ()
    with pytest.raises(UnreadableError):
        definition_documents(definition)


@pytest.mark.parametrize("spec", [None, 7, [], {}, {"definition": None}, {"definition": 7}, {"definition": ["a"]}, {"definition": {}}])
async def test_an_entity_without_a_definition_has_nothing_to_find(spec: object):
    assert await DefinitionCollator().documents(Ref("api:default/a"), {"spec": spec}) == ()


def test_references_end_where_they_turn_in_circles_or_leave_the_definition():
    loop = {"$ref": "#/components/schemas/Loop"}
    definition = {
        "openapi": "3.1.0",
        "paths": {
            "/a": {"get": {"responses": {"200": {"$ref": "#/components/responses/R"}}}},
            "/b": {"$ref": "#/paths/~1b"},
            "/c": {"get": {"parameters": [{"$ref": "file:///etc/passwd"}, {"$ref": "#/nothing"}, {"$ref": 7}]}},
        },
        "components": {
            "responses": {"R": {"content": {"a": {"schema": loop}}}},
            "schemas": {"Loop": {"allOf": [loop], "properties": {"next": loop}}},
        },
    }
    assert {document.key: document.texts for document in definition_documents(definition)} == {
        "#/paths/~1a/get": {TextField.NAME: "GET /a", TextField.BODY: "Loop\nnext"},
        "#/paths/~1c/get": {TextField.NAME: "GET /c"},
        "#/components/schemas/Loop": {TextField.NAME: "Loop", TextField.BODY: "next\nLoop"},
    }


def test_the_number_of_documents_is_bounded():
    paths = {f"/p{n}": {"get": {}} for n in range(2 * MOST_DOCUMENTS)}
    assert len(definition_documents({"openapi": "3.0.0", "paths": paths})) == MOST_DOCUMENTS
    types = "".join(f"message M{n} {{ string a = 1; }}\n" for n in range(2 * MOST_DOCUMENTS))
    assert len(definition_documents('syntax = "proto3";\n' + types)) == MOST_DOCUMENTS


def test_every_operation_of_the_examples_is_there():
    found = {
        path.relative_to(SERVICES).as_posix(): [name for name in names(path.read_text()) if " " in name or "/" in name]
        for path in sorted(SERVICES.rglob("*"))
        if path.name.endswith(("openapi.yaml", "asyncapi.yaml", ".proto", ".graphql"))
    }
    assert found == {
        "accounts/openapi.yaml": [
            "Accounts API",
            "GET /me",
            "DELETE /me",
            "PATCH /me",
            "PUT /me/consents/{purpose}",
            "GET /me/memberships",
        ],
        "booking/openapi.yaml": [
            "Booking API",
            "POST /baskets",
            "POST /baskets/{basketId}/seats",
            "POST /baskets/{basketId}/checkout",
            "GET /bookings/{number}",
        ],
        "booking/sales-events.asyncapi.yaml": ["Sales events", "send sales"],
        "entry/entry-events.asyncapi.yaml": ["Entry events", "send entry"],
        "entry/openapi.yaml": [
            "Entry API",
            "POST /performances/{performanceId}/admissions",
            "GET /performances/{performanceId}/manifest",
        ],
        "pricing/pricing.proto": ["Pricing/ListPrices", "Pricing/Quote"],
        "programme/schema.graphql": ["query production", "query performances"],
        "seating/seating.proto": ["Seating/GetHouse", "Seating/GetPlan", "Seating/PublishPlan"],
        "settlement/openapi.yaml": [
            "Payments API",
            "POST /authorisations",
            "POST /authorisations/{id}/capture",
            "POST /authorisations/{id}/refunds",
        ],
    }


_WORDS = [
    "a",
    "b",
    "get",
    "post",
    "$ref",
    "parameters",
    "schema",
    "properties",
    "items",
    "allOf",
    "enum",
    "content",
    "responses",
    "messages",
    "message",
    "payload",
    "channel",
    "publish",
    "requestBody",
    "name",
    "description",
    "url",
]
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["#/paths/a", "#/components/schemas/b", "#/", "http://["]),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(_WORDS),
            below,
            max_size=4,
        )
    ),
    max_leaves=40,
)
_PARTS = st.sampled_from(["paths", "webhooks", "components", "definitions", "channels", "operations", "info", "servers"])


@given(
    st.sampled_from(["openapi", "swagger", "asyncapi"]),
    st.dictionaries(_PARTS, _JSON | st.fixed_dictionaries({"schemas": _JSON, "messages": _JSON})),
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_value_is_collated(format: str, parts: dict[str, object]):
    documents = definition_documents({format: "3.0.0", **parts})
    assert all(text for document in documents for text in document.texts.values())


_SOURCE = st.sampled_from(
    ["message A", "enum B", "service C", "rpc D(E) returns (F)", "oneof g", "string h = 1", "option (i)", "=", "{", "}", ";"]
)


@given(st.lists(_SOURCE | st.sampled_from(["// j", "/* k", "*/", '"', "\n", "package l", "extend m"]), max_size=40))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_protobuf_is_collated(parts: list[str]):
    documents = definition_documents("\n".join(['syntax = "proto3";', " ".join(parts)]))
    assert all(document.key for document in documents)
