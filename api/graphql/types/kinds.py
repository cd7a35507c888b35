"""The kinds of entities, each with its own fields and the relations it takes part in."""

from strawberry.federation import type as federated
from strawberry.scalars import JSON

from api.graphql.types.connections import Connection
from api.graphql.types.ends import end, ends, ends_near_or_far, into, out, user_owns
from api.graphql.types.entity import Entity, spec_text
from api.graphql.types.fields import paged, reading, resolved
from api.graphql.types.lazy import LazyTemplateUses
from api.graphql.types.templates import TemplatePage, TemplateProblemReport, TemplateStep, pages_of, problems_of, steps_of
from api.graphql.types.uses import digest_of, uses_of
from api.graphql.walks import Walk

_KEYS = ["ref"]
_TYPE = spec_text("type")
_LIFECYCLE = spec_text("lifecycle")

_DEPENDS_ON = Walk((out("dependsOn"),))
_DEPENDENCY_OF = Walk((into("dependsOn"),))

_SYSTEM = "The system that it is part of; null if there is none or it is missing."
_DEPENDS_ON_TEXT = "What it needs to work, ordered by ref."
_DEPENDENCY_OF_TEXT = "What needs it to work, ordered by ref."


def _parts(kind: str) -> Walk:
    return Walk((into("partOf"),), only=kind)


@federated(keys=_KEYS, description="A piece of software: a service, a website, a library.")
class Component(Entity):
    type: str | None = reading(_TYPE, "What sort of component it is, such as `service`.")
    lifecycle: str | None = reading(_LIFECYCLE, "How mature it is, such as `production`.")
    system: "System | None" = end(out("partOf"), "system", _SYSTEM)
    subcomponent_of: "Component | None" = end(
        out("partOf"), "component", "The component that it is part of; null if there is none or it is missing."
    )
    subcomponents: Connection["Component"] = ends(_parts("component"), "The components that are part of it, ordered by ref.")
    depends_on: Connection[Entity] = ends(_DEPENDS_ON, _DEPENDS_ON_TEXT)
    dependency_of: Connection[Entity] = ends(_DEPENDENCY_OF, _DEPENDENCY_OF_TEXT)
    provides_apis: Connection["API"] = ends(Walk((out("providesApis"),), kind="api"), "The APIs that it serves, ordered by ref.")
    consumes_apis: Connection["API"] = ends(Walk((out("consumesApis"),), kind="api"), "The APIs that it calls, ordered by ref.")


@federated(keys=_KEYS, description="An interface that components serve and others call.")
class API(Entity):
    type: str | None = reading(_TYPE, "What sort of API it is, such as `openapi`, `asyncapi`, `graphql`, `grpc` or `mcp-server`.")
    lifecycle: str | None = reading(_LIFECYCLE, "How mature it is, such as `production`.")
    definition: str | None = reading(spec_text("definition"), "The definition itself, in the language of the type; an MCP server has none.")
    remotes: JSON | None = reading(
        lambda entity: entity.spec.get("remotes"), "Where an MCP server is reached, as declared; null for others."
    )
    system: "System | None" = end(out("partOf"), "system", _SYSTEM)
    providers: Connection[Component] = ends(
        Walk((into("providesApis"),), kind="component"), "The components that serve it, ordered by ref."
    )
    consumers: Connection[Component] = ends(Walk((into("consumesApis"),), kind="component"), "The components that call it, ordered by ref.")
    dependency_of: Connection[Entity] = ends(_DEPENDENCY_OF, _DEPENDENCY_OF_TEXT)


@federated(keys=_KEYS, description="What components need at run time, such as a database or a bucket.")
class Resource(Entity):
    type: str | None = reading(_TYPE, "What sort of resource it is, such as `database`.")
    lifecycle: str | None = reading(_LIFECYCLE, "How mature it is, where it says so.")
    system: "System | None" = end(out("partOf"), "system", _SYSTEM)
    depends_on: Connection[Entity] = ends(_DEPENDS_ON, _DEPENDS_ON_TEXT)
    dependency_of: Connection[Entity] = ends(_DEPENDENCY_OF, _DEPENDENCY_OF_TEXT)


@federated(keys=_KEYS, description="Context for AI coding tools, such as a skill or a rule.")
class AiResource(Entity):
    type: str | None = reading(_TYPE, "What sort of context it is, such as `skill` or `rule`.")
    lifecycle: str | None = reading(_LIFECYCLE, "How mature it is, such as `production`.")
    system: "System | None" = end(out("partOf"), "system", _SYSTEM)
    depends_on: Connection[Entity] = ends(_DEPENDS_ON, _DEPENDS_ON_TEXT)
    dependency_of: Connection[Entity] = ends(_DEPENDENCY_OF, _DEPENDENCY_OF_TEXT)


@federated(keys=_KEYS, description="Components, APIs and resources that work together for one purpose.")
class System(Entity):
    type: str | None = reading(_TYPE, "What sort of system it is, where it says so.")
    domain: "Domain | None" = end(out("partOf"), "domain", "The domain that it is part of; null if there is none or it is missing.")
    components: Connection[Component] = ends(_parts("component"), "The components that name it as their system, ordered by ref.")
    apis: Connection[API] = ends(_parts("api"), "The APIs that name it as their system, ordered by ref.")
    resources: Connection[Resource] = ends(_parts("resource"), "The resources that name it as their system, ordered by ref.")
    ai_resources: Connection[AiResource] = ends(_parts("airesource"), "The AI resources that name it as their system, ordered by ref.")


@federated(keys=_KEYS, description="An area of the business, to which systems belong.")
class Domain(Entity):
    type: str | None = reading(_TYPE, "What sort of domain it is, where it says so.")
    subdomain_of: "Domain | None" = end(out("partOf"), "domain", "The domain that it is part of; null if there is none or it is missing.")
    subdomains: Connection["Domain"] = ends(_parts("domain"), "The domains that are part of it, ordered by ref.")
    systems: Connection[System] = ends(_parts("system"), "The systems that are part of it, ordered by ref.")


_MEMBERS = Walk((into("memberOf"),), kind="user")
_MEMBERS_BELOW = Walk((into("memberOf"),), through=(into("childOf"),), kind="user")
_OWNED = Walk((into("ownedBy"),))
_OWNED_BELOW = Walk((into("ownedBy"),), through=(into("childOf"),))
_ANCESTORS = Walk((out("childOf"),), through=(out("childOf"),), kind="group")
_DESCENDANTS = Walk((into("childOf"),), through=(into("childOf"),), kind="group")


@federated(keys=_KEYS, description="A team, or a part of the organisation that holds teams.")
class Group(Entity):
    type: str | None = reading(_TYPE, "What sort of group it is, such as `team`.")
    display_name: str | None = reading(spec_text("profile", "displayName"), "The name to show.")
    email: str | None = reading(spec_text("profile", "email"), "The address to write to.")
    picture: str | None = reading(spec_text("profile", "picture"), "The address of a picture.")
    parent: "Group | None" = end(out("childOf"), "group", "The group that it is within; null if there is none or it is missing.")
    children: Connection["Group"] = ends(Walk((into("childOf"),), kind="group"), "The groups directly within it, ordered by ref.")
    ancestors: Connection["Group"] = ends(_ANCESTORS, "The groups that it is within, at any distance, ordered by ref.")
    descendants: Connection["Group"] = ends(_DESCENDANTS, "The groups within it, at any depth, ordered by ref.")
    members: Connection["User"] = ends_near_or_far(
        _MEMBERS,
        _MEMBERS_BELOW,
        "Its members, ordered by ref.",
        transitive="Whether the members of the groups within it count as well.",
    )
    owns: Connection[Entity] = ends_near_or_far(
        _OWNED,
        _OWNED_BELOW,
        "What it is responsible for, ordered by ref.",
        transitive="Whether what the groups within it own counts as well.",
        default=True,
    )


_GROUPS = Walk((out("memberOf"),), kind="group")
_GROUPS_ABOVE = Walk((out("memberOf"), out("childOf")), through=(out("memberOf"), out("childOf")), kind="group")


@federated(keys=_KEYS, description="A person, or an account that acts as one.")
class User(Entity):
    display_name: str | None = reading(spec_text("profile", "displayName"), "The name to show.")
    email: str | None = reading(spec_text("profile", "email"), "The address to write to.")
    picture: str | None = reading(spec_text("profile", "picture"), "The address of a picture.")
    member_of: Connection[Group] = ends_near_or_far(
        _GROUPS,
        _GROUPS_ABOVE,
        "The user's groups, ordered by ref.",
        transitive="Whether the groups that hold the user's groups count as well.",
    )
    owns: Connection[Entity] = paged(user_owns, "What the user is responsible for, ordered by ref.")


@federated(keys=_KEYS, description="A template from which new software is made.")
class Template(Entity):
    type: str | None = reading(_TYPE, "What sort of software it makes, such as `service`.")
    parameters: list[TemplatePage] | None = resolved(
        pages_of, "The pages of the form that asks for its parameters; null for whoever may not read them."
    )
    steps: list[TemplateStep] | None = resolved(steps_of, "Its steps, in order; null for whoever may not read them.")
    problems: list[TemplateProblemReport] | None = resolved(
        problems_of, "What is not in order with it as a template; null for whoever may not read its steps."
    )
    digest: str | None = resolved(
        digest_of, "The digest of its descriptor as it is now; null if it is no template that can be run, and for whoever sees it redacted."
    )
    uses: LazyTemplateUses | None = resolved(
        uses_of, "The tasks of it that made something, newest first, and what they made; null for whoever may not read tasks."
    )


@federated(
    keys=_KEYS,
    description="An entity of the kind Location, which leads to further catalog files. The type `Location` is a root of reading instead.",
)
class LocationEntity(Entity):
    type: str | None = reading(_TYPE, "How the targets are read; null for as the location itself was.")
    target: str | None = reading(spec_text("target"), "The target, if it is a single one.")
    targets: list[str] = reading(lambda entity: [t for t in entity.spec.get("targets") or () if isinstance(t, str)], "The targets.")
    presence: str | None = reading(
        spec_text("presence"), "Whether the targets must exist: `required`, as if nothing is said, or `optional`."
    )


@federated(keys=_KEYS, description="An entity of a kind that the configuration of this catalog adds.")
class CustomEntity(Entity):
    type: str | None = reading(_TYPE, "What sort of its kind it is, where it says so.")
    lifecycle: str | None = reading(_LIFECYCLE, "How mature it is, where it says so.")


KINDS = (Component, API, Resource, System, Domain, Group, User, Template, LocationEntity, AiResource, CustomEntity)
