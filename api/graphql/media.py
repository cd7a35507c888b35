"""Which media type answers a GraphQL request, by its Accept header.

https://graphql.github.io/graphql-over-http/draft/#sec-Media-Types
"""

from collections.abc import Iterator

RESPONSE = "application/graphql-response+json"
JSON = "application/json"
HTML = "text/html"
EVENTS = "text/event-stream"

_RANGES = {
    RESPONSE: (RESPONSE,),
    JSON: (JSON, "application/*", "*/*"),
    HTML: (HTML, "text/*"),
}


def answer_type(accept: str | None) -> str | None:
    """RESPONSE or JSON, whichever is liked more, and RESPONSE of two liked alike; None if the client takes neither.

    Who says nothing, or anything, gets JSON.
    """
    if not accept:
        return JSON
    weights = dict(_weights(accept))
    best = max((RESPONSE, JSON), key=lambda offer: _weight(offer, weights))
    return best if _weight(best, weights) > 0 else None


def wants_page(accept: str | None) -> bool:
    """Whether HTML is liked more than any GraphQL answer, as browsers do."""
    weights = dict(_weights(accept or ""))
    return _weight(HTML, weights) > max(weights.get(RESPONSE, 0), weights.get(JSON, 0))


def wants_events(accept: str | None) -> bool:
    """Whether answers are wanted one by one, as server-sent events."""
    weights = dict(_weights(accept or ""))
    return weights.get(EVENTS, 0) > max(weights.get(RESPONSE, 0), weights.get(JSON, 0))


def _weight(offer: str, weights: dict[str, float]) -> float:
    return next((weights[range_] for range_ in _RANGES[offer] if range_ in weights), 0)


def _weights(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        range_, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((parameter[2:] for parameter in parameters if parameter.startswith("q=")), "1")
        try:
            yield range_, float(quality)
        except ValueError:
            yield range_, 0
