"""Refs and relations as they are typed on a command line."""

from collections.abc import Sequence

import click

from graph.errors import InvalidRefError
from graph.refs import parse_ref
from graph.relations import Relation, Travel


def full_refs(texts: Sequence[str]) -> list[str]:
    """The full refs, a component's where no kind is named. UsageError if one is malformed."""
    try:
        return [parse_ref(text, default_kind="component").ref for text in texts]
    except InvalidRefError as error:
        raise click.UsageError(str(error)) from error


def relation_names(names: Sequence[str]) -> list[str]:
    """The values of GraphQL's RelationType: dependsOn and DEPENDS_ON are both DEPENDS_ON."""
    return [name if name.isupper() else Relation(name, name, name, Travel.NOWHERE, False, ()).graphql_name for name in names]
