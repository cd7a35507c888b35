"""The `catalog` section: what to read, what to accept, and which kinds and relations exist beyond the built-in ones."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from config.history import History
from config.intervals import Delay, Interval
from config.lifecycle import Inference, Registration
from config.providers import Providers
from config.sections import Section, Text
from config.webhooks import IncomingWebhooks

_CREDENTIALS = re.compile(r"https?://[^/?#]*@|ssh://[^/?#@:]*:[^/?#@]*@")
_URL = re.compile(r"(?:https?|ssh)://[^/\s]|[\w.-]+@[\w.-]+:\S", re.ASCII)


def is_url(target: str) -> bool:
    """Whether a target is a URL, or git's short form of one (git@host:path)."""
    return _URL.match(target) is not None


def holds_credentials(target: str) -> bool:
    """Whether a target is a URL with a password in it, or over http with a user name, which may be a token."""
    return _CREDENTIALS.match(target) is not None


class Rule(Section):
    """One of a location's `rules`."""

    allow: tuple[Text, ...] = Field(description="Kinds that may enter the catalog, without regard to case.")


class RuleLocation(Section):
    """One of a rule's `locations`."""

    type: Text = Field(description="Type of the location, such as `file`.")
    exact: Text | None = Field(default=None, description="The location's target, as a whole: for files the absolute path.")
    pattern: Text | None = Field(default=None, description="A glob that the location's target matches, without regard to case.")

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> Self:
        if self.exact is not None and self.pattern is not None:
            raise ValueError("should have exact or pattern, not both")
        return self


class CatalogRule(Rule):
    """One of `catalog.rules`."""

    locations: tuple[RuleLocation, ...] | None = Field(
        default=None, description="Configured locations whose entities the rule speaks of; without it those of every location."
    )


class LocationConfig(Section):
    """One of `catalog.locations`."""

    type: Literal["file", "url"] = Field(description="How the target is read: `file` from disk, `url` from a host that may be read.")
    target: Text = Field(
        description="A file, a folder or a glob (`**` included), relative to the configuration file; what it leads to stays inside the "
        "folder before the first wildcard. Or the URL of a file, folder or glob in a repository, as its web pages have it."
    )

    rules: tuple[Rule, ...] = Field(default=(), description="Kinds that this location may add beyond `catalog.rules`.")

    @model_validator(mode="after")
    def _is_of_its_type(self) -> Self:
        if (self.type == "url") is not is_url(self.target):
            raise ValueError("target should be an absolute URL" if self.type == "url" else "type should be url where the target is one")
        if holds_credentials(self.target):
            raise ValueError("target should hold no credentials; configure them under integrations")
        return self


class KindConfig(Section):
    """One of `catalog.kinds`."""

    kind: str = Field(pattern=r"^[a-zA-Z][a-zA-Z0-9]{0,62}$", description="Name of the kind.")
    api_versions: tuple[Text, ...] = Field(min_length=1, description="Values of `apiVersion` that its documents may have.")
    json_schema: Mapping[str, Any] = Field(
        default={}, description="JSON Schema that a whole document of the kind has to meet; `$include` reads it from a file."
    )


class DeclarationConfig(Section):
    """One of a relation's `declarations`."""

    field: Text = Field(description="Field of `spec` that holds one ref or a list of them.")
    kinds: tuple[Text, ...] = Field(min_length=1, description="Kinds in which the field declares the relation.")
    default_kind: str | None = Field(default=None, description="Kind of a ref that names none; without it such a ref is an error.")
    inverted: bool = Field(default=False, description="Whether the declaring entity is the target of the edge rather than its source.")


class RelationConfig(Section):
    """One of `catalog.relations`."""

    name: str = Field(
        pattern=r"^[a-z][a-zA-Z0-9]{0,62}$", description="Name as stored, such as ownsData; GraphQL's RelationType gets OWNS_DATA."
    )
    forward: Text = Field(description="Relation type from source to target, as Backstage clients see it.")
    backward: Text = Field(description="Relation type from target to source, as Backstage clients see it.")
    travel: Literal["toSource", "toTarget", "nowhere"] = Field(default="nowhere", description="Which end feels a change of the other.")
    travels_on_request: bool = Field(default=False, description="Whether impact follows the relation only where a request names it.")
    declarations: tuple[DeclarationConfig, ...] = Field(min_length=1, description="Fields that declare the relation.")


class Catalog(Section):
    """`catalog`."""

    rules: tuple[CatalogRule, ...] = Field(
        default=(CatalogRule(allow=("Component", "API", "Location")),),
        description="Kinds that any location may add. As in Backstage, the list replaces the default.",
    )
    locations: tuple[LocationConfig, ...] = Field(default=(), description="What to read.")
    providers: Providers = Field(default=Providers(), description="What is discovered, and whose people are taken over.")
    provider_grace: Interval = Field(
        default=timedelta(hours=24),
        description="How long what a provider gave stays after the configuration no longer names the provider; `false` for ever.",
    )
    orphan_strategy: Literal["keep", "delete"] = Field(
        default="delete", description="What becomes of an entity that no location leads to any more: kept with an annotation, or removed."
    )
    removal_grace: Delay = Field(
        default=timedelta(seconds=30),
        description="How long an entity stays that no document declares any more, where there are several locations: one that moves from "
        "one to another keeps its history whichever is read first. `0` seconds removes it at once.",
    )
    processing_interval: Interval = Field(
        default=timedelta(seconds=100),
        description="Each location is read again after between one and one and a half times this; `false` never.",
    )
    max_file_size_bytes: Annotated[int, Field(ge=1)] = Field(
        default=10 * 1024 * 1024, description="Larger files are refused with an error."
    )
    watch: bool = Field(default=True, description="Whether changes on disk are read at once while serving.")
    history: History = Field(default=History(), description="How long the log of changes is kept, and how closely.")
    kinds: tuple[KindConfig, ...] = Field(default=(), description="Kinds beyond the built-in ones.")
    relations: tuple[RelationConfig, ...] = Field(default=(), description="Relations beyond the built-in ones.")
    inference: Inference = Field(default=Inference(), description="What is taken from repositories beside catalog files.")
    registration: Registration = Field(default=Registration(), description="What may be registered over the API.")
    webhooks: IncomingWebhooks = Field(
        default=IncomingWebhooks(), description="Webhooks of repository hosts, taken at `/webhooks/<name>` if configured here."
    )
