"""Evidence: the statements by which an edge exists."""

import strawberry

from api.graphql.types.fields import attribute


@strawberry.type(description="A statement that an edge exists.")
class Evidence:
    declarer: str = attribute("The ref of the entity whose descriptor says so.")
    field: str = attribute("The field of its `spec` that says so.")
    path: str = attribute("The file in which it says so.")
    line: int = attribute("The line in that file, counted from 1.")
    inferred: bool = attribute("Whether it was concluded rather than declared.")
    confidence: float = attribute("How sure it is, from 0 to 1; what is declared is 1.")
