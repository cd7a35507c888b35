"""The header Authorization, of which Callboard takes bearer tokens."""

from starlette.requests import HTTPConnection

from graph.errors import UnauthenticatedError


def bearer_of(connection: HTTPConnection) -> str | None:
    """The token of the Authorization header, None without one. UnauthenticatedError for several, and for other schemes than Bearer."""
    given = connection.headers.getlist("authorization")
    if not given:
        return None
    return bearer_in(given[0]) if len(given) == 1 else _refused()


def bearer_in(header: str) -> str:
    """The token in an Authorization header. UnauthenticatedError if there is none."""
    scheme, _, token = header.partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token else _refused()


def _refused() -> str:
    raise UnauthenticatedError("The header Authorization has to be there once, as `Bearer <token>`.")
