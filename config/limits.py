"""The `backend.limits` and `backend.rateLimit` sections: how much a request, a connection, a principal and an address may take."""

from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

from config.sections import Section

_Limit = Annotated[int, Field(ge=1)]
_LimitOrNone = Annotated[
    _Limit | None,
    BeforeValidator(lambda value: None if value is False else value),
    PlainSerializer(lambda value: False if value is None else value),
]


class Limits(Section):
    """`backend.limits`."""

    max_header_bytes: _Limit = Field(default=64 * 1024, description="Longest address and headers of a request together, in bytes.")
    header_seconds: _Limit = Field(default=10, description="How long the headers of a request may take to arrive, in seconds.")
    max_body_bytes: _Limit = Field(
        default=1024 * 1024,
        description="Longest body of a request, in bytes, where nothing else is said of it: GraphQL has graphql.maxRequestBytes, "
        "entity sets have catalog.registration.maxSetBytes.",
    )
    body_seconds: _Limit = Field(default=60, description="How long the body of a request may take to arrive, in seconds.")
    answer_seconds: _Limit = Field(
        default=60,
        description="How long an answer may take to begin once the request has arrived, in seconds; entity sets may take ten times.",
    )
    unread_seconds: _Limit = Field(default=60, description="How long a client may leave what it is sent unread, in seconds.")
    max_connections: _Limit = Field(default=4_000, description="How many connections a server has at once; what comes beyond gets 503.")


class RateLimit(Section):
    """`backend.rateLimit`. Each process counts for itself."""

    cost_per_minute: _LimitOrNone = Field(
        default=3_000_000,
        description="What a signed-in user or service may spend in a minute, and at once after a rest. Every request costs 50, and an "
        "operation or a page the number of entities and other objects that it could hold. `false` for no limit.",
    )
    guest_cost_per_minute: _LimitOrNone = Field(
        default=None, description="The same for all guests together; not limited unless it is given."
    )
    attempts_per_minute: _LimitOrNone = Field(
        default=300,
        description="What one address may spend on signing in in a minute: a request to sign in or for a token counts 1, and any whose "
        "credentials are refused counts 10 more. `false` for no limit.",
    )
