"""The relation registry of one configuration."""

from collections.abc import Sequence

from config.catalog import RelationConfig
from config.errors import ConfigurationError
from graph.relations import Declaration, Relation, RelationRegistry, Travel

_TRAVEL = {"toSource": Travel.TO_SOURCE, "toTarget": Travel.TO_TARGET, "nowhere": Travel.NOWHERE}


def registry_from(relations: Sequence[RelationConfig]) -> RelationRegistry:
    """The built-in relations and the configured ones. ConfigurationError if two share a name or a field of a kind."""
    taken = {type_: relation.name for type_, (relation, _) in RelationRegistry().by_either_name.items()}
    fields = {
        (declaration.field, kind): relation.name
        for relation in RelationRegistry()
        for declaration in relation.declarations
        for kind in declaration.kinds
    }
    built: list[Relation] = []
    for index, configured in enumerate(relations):
        relation = _relation(configured)
        for type_ in {name.lower() for name in (relation.name, relation.forward, relation.backward)}:
            if type_ in taken:
                raise ConfigurationError(f"catalog.relations[{index}]", f"{type_} is already a name of the relation {taken[type_]}")
            taken[type_] = relation.name
        for declaration in relation.declarations:
            for kind in declaration.kinds:
                holder = fields.setdefault((declaration.field, kind), relation.name)
                if holder != relation.name:
                    message = f"spec.{declaration.field} of {kind} already declares {holder}"
                    raise ConfigurationError(f"catalog.relations[{index}].declarations", message)
        built.append(relation)
    return RelationRegistry(built)


def _relation(configured: RelationConfig) -> Relation:
    return Relation(
        configured.name,
        configured.forward,
        configured.backward,
        _TRAVEL[configured.travel],
        configured.travels_on_request,
        tuple(
            Declaration(declared.field, frozenset(kind.lower() for kind in declared.kinds), declared.default_kind, declared.inverted)
            for declared in configured.declarations
        ),
    )
