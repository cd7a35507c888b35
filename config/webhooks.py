"""Webhooks: those of repository hosts that come in, and those that go out to whoever wants to know of changes."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from config.sections import Section, Text

Secret = Annotated[SecretStr, Field(min_length=16)]

_ADDRESS = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?(\?[^\s#]*)?")


def _is_address(url: SecretStr) -> SecretStr:
    if not _ADDRESS.fullmatch(url.get_secret_value()):
        raise ValueError("should be an http or https address, without user, password or fragment")
    return url


def _have_names_of_their_own(webhooks: Sequence["OutgoingWebhook"]) -> Sequence["OutgoingWebhook"]:
    names = [webhook.name for webhook in webhooks]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"should have a name of its own for each webhook, but several are called {twice}")
    return webhooks


class IncomingWebhook(Section):
    """One of `catalog.webhooks`."""

    secret: Secret = Field(description="What the host signs its webhooks with, or for GitLab sends along; at least 16 characters.")


class IncomingWebhooks(Section):
    """`catalog.webhooks`."""

    github: IncomingWebhook | None = Field(
        default=None, description="Webhooks of GitHub; the `webhookSecret` of an integration's apps is taken as well."
    )
    gitlab: IncomingWebhook | None = Field(default=None, description="Webhooks of GitLab, of projects, groups or the whole instance.")
    gitea: IncomingWebhook | None = Field(default=None, description="Webhooks of Gitea and Forgejo.")
    bitbucket_cloud: IncomingWebhook | None = Field(default=None, description="Webhooks of Bitbucket Cloud.")
    bitbucket_server: IncomingWebhook | None = Field(default=None, description="Webhooks of Bitbucket Server and Data Center.")


class ChangeFilter(Section):
    """An outgoing webhook's `filter`: a change is sent if it meets all that is given."""

    kinds: tuple[Text, ...] = Field(default=(), description="Kinds of the entities, without regard to case; empty for all.")
    namespaces: tuple[Text, ...] = Field(default=(), description="Namespaces of the entities, without regard to case; empty for all.")
    refs: tuple[Text, ...] = Field(default=(), description="Full refs of the entities, `kind:namespace/name`; empty for all.")
    operations: tuple[Literal["created", "updated", "removed"], ...] = Field(
        default=(), description="What happened to the entities; empty for everything."
    )


class OutgoingWebhook(Section):
    """One of `webhooks`."""

    name: str = Field(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", description="Name under which its place in the log is kept; unique, never reused."
    )
    url: Annotated[SecretStr, AfterValidator(_is_address)] = Field(
        description="Address that changes are sent to by POST. It is never shown, since it may hold a token. A private one has to be in "
        "`backend.reading.allowPrivate`."
    )
    secret: Secret = Field(
        description="What deliveries are signed with, as Standard Webhooks has it: `whsec_` and base64, or a text of 16 characters or more."
    )
    filter: ChangeFilter = Field(default=ChangeFilter(), description="Which changes are sent; without it all of them.")
    attempts: Annotated[int, Field(ge=1, le=30)] = Field(
        default=12, description="How often a delivery is tried before it goes to the dead letters: after 5 s, 10 s and so on up to an hour."
    )


OutgoingWebhooks = Annotated[tuple[OutgoingWebhook, ...], AfterValidator(_have_names_of_their_own)]
