"""The schema as a subgraph of Apollo Federation 2."""

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLUnionType, build_schema

from graph.errors import InputError
from tests.api.catalog import Asking

ENTITIES = """query ($representations: [_Any!]!) { _entities(representations: $representations) {
  __typename ... on Component { name type } ... on Group { name } ... on CustomEntity { name } } }"""


def _represented(typename: str, ref: str) -> dict[str, str]:
    return {"__typename": typename, "ref": ref}


async def test_a_gateway_finds_entities_by_the_key_of_their_type_or_of_the_interface(asking: Asking) -> None:
    wanted = [
        _represented("Component", "component:default/shop"),
        _represented("Entity", "group:default/red"),
        _represented("CustomEntity", "dataset:data/sales"),
        _represented("Component", "component:default/ghost"),
        _represented("System", "component:default/shop"),
    ]
    assert (await asking.data(ENTITIES, representations=wanted))["_entities"] == [
        {"__typename": "Component", "name": "shop", "type": "service"},
        {"__typename": "Group", "name": "red"},
        {"__typename": "CustomEntity", "name": "sales"},
        None,
        None,
    ]


async def test_all_keys_of_a_request_are_one_call_of_the_store(asking: Asking) -> None:
    wanted = [_represented("Component", f"component:default/{name}") for name in ("shop", "cart", "ledger")]
    assert await asking.calls(ENTITIES, representations=wanted) == {"entities_by_ref": 1}


@pytest.mark.parametrize(
    "representation",
    [{}, {"__typename": "Component"}, {"__typename": "PageInfo", "ref": "x:y"}, {"__typename": "Component", "ref": 1}, "Component", None],
)
async def test_a_representation_without_a_key_is_refused(asking: Asking, representation: object) -> None:
    answer = await asking.answer(ENTITIES, representations=[representation])
    assert answer.errors is not None
    assert representation is None or isinstance(answer.errors[0].original_error, InputError)


async def test_the_subgraph_shows_its_schema_with_a_key_on_the_interface_and_every_kind(asking: Asking) -> None:
    sdl = (await asking.data("{ _service { sdl } }"))["_service"]["sdl"]
    assert sdl.startswith('schema @link(url: "https://specs.apollo.dev/federation/v2.')
    schema = build_schema(sdl, assume_valid_sdl=True)
    union, interface = schema.type_map["_Entity"], schema.type_map["Entity"]
    assert isinstance(union, GraphQLUnionType)
    assert isinstance(interface, GraphQLInterfaceType)
    kinds = {type_.name for type_ in schema.get_possible_types(interface)}
    assert {type_.name for type_ in union.types} == kinds
    assert len(kinds) == 11
    for name in (*kinds, "Entity"):
        type_ = schema.type_map[name]
        assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        assert type_.ast_node is not None
        assert [directive.name.value for directive in type_.ast_node.directives or ()] == ["key"]
