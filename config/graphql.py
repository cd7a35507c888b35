"""The `graphql` section: what a request may cost, and what is shown to browsers."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from config.sections import Section

_Limit = Annotated[int, Field(ge=1)]


class TrustedDocuments(Section):
    """`graphql.trustedDocuments`."""

    path: Path = Field(
        description="A folder of documents `*.graphql`, each asked for by its path without suffix, or a manifest: JSON of texts by ids, "
        "or Apollo's. Every document is also known by the sha256 of its text. Relative to the configuration file."
    )
    only: bool = Field(default=False, description="Refuse every operation that is not registered, over HTTP, WebSockets and events alike.")


class GraphQL(Section):
    """`graphql`."""

    max_depth: _Limit = Field(default=20, description="Deepest nesting of fields that an operation may select.")
    max_tokens: _Limit = Field(default=5_000, description="Longest operation, in lexical tokens; its variables may hold as many values.")
    max_aliases: _Limit = Field(default=60, description="How many fields of an operation may be renamed.")
    max_cost: _Limit = Field(
        default=200_000,
        description="Highest estimated cost of an operation, which is the number of objects its answer could hold; every answer states "
        "its own in `extensions.cost`. Reading the schema, as GraphiQL does, costs about 70,000.",
    )
    max_request_bytes: _Limit = Field(default=1024 * 1024, description="Longest body of a request, in bytes.")
    timeout_seconds: _Limit = Field(default=30, description="How long an operation may take, in seconds.")
    max_subscriptions: _Limit = Field(default=1_000, description="How many subscriptions a server has at once, over all connections.")
    max_subscriptions_per_connection: _Limit = Field(default=50, description="How many operations one WebSocket has at once.")
    trusted_documents: TrustedDocuments | None = Field(
        default=None, description="Operations that were registered beforehand, and are asked for by their id."
    )
    introspection: bool = Field(default=True, description="Whether the schema may be asked for.")
    graphiql: bool = Field(default=True, description="Whether browsers get GraphiQL at `/graphql`.")
