"""The whole configuration as one frozen model."""

from pydantic import Field

from config.backend import Backend
from config.catalog import Catalog
from config.graphql import GraphQL
from config.integrations import Integrations
from config.sections import Section
from config.webhooks import OutgoingWebhook


class Config(Section):
    """Everything that can be configured. Config() is the built-in defaults."""

    backend: Backend = Field(default=Backend(), description="The server and its storage.")
    graphql: GraphQL = Field(default=GraphQL(), description="The GraphQL endpoint.")
    integrations: Integrations = Field(default=Integrations(), description="Hosts of repositories.")
    catalog: Catalog = Field(default=Catalog(), description="What is read into the catalog, and how.")
    webhooks: tuple[OutgoingWebhook, ...] = Field(default=(), description="Whom to tell of changes of the catalog.")
