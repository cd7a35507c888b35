"""References to the types that refer back to the modules that use them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from api.graphql.types.entity import Entity
    from api.graphql.types.uses import TemplateUse, TemplateUseConnection

LazyEntity = Annotated["Entity", strawberry.lazy("api.graphql.types.entity")]
LazyTemplateUse = Annotated["TemplateUse", strawberry.lazy("api.graphql.types.uses")]
LazyTemplateUses = Annotated["TemplateUseConnection", strawberry.lazy("api.graphql.types.uses")]
