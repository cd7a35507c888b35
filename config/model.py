"""The whole configuration as one frozen model."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_serializer

from config.auth import App, Auth
from config.backend import Backend
from config.catalog import Catalog
from config.graphql import GraphQL
from config.integrations import Integrations
from config.permission import WITHOUT_POLICY, Permission
from config.proxy import Proxy
from config.scaffolder import Scaffolder
from config.search import Search
from config.sections import Section
from config.storage import Storage
from config.techdocs import Techdocs
from config.webhooks import OutgoingWebhooks


class Config(Section):
    """Everything that can be configured. Config() is the built-in defaults."""

    backend: Backend = Field(default=Backend(), description="The server and its storage.")
    app: App = Field(default=App(), description="The portal in front, if there is one.")
    auth: Auth | None = Field(default=None, description="How people sign in; without it nobody has to.")
    permission: Permission = Field(default=WITHOUT_POLICY, description="Who may do what; without it everybody may do everything.")
    graphql: GraphQL = Field(default=GraphQL(), description="The GraphQL endpoint.")
    integrations: Integrations = Field(default=Integrations(), description="Hosts of repositories.")
    catalog: Catalog = Field(default=Catalog(), description="What is read into the catalog, and how.")
    search: Search = Field(default=Search(), description="How things are found.")
    scaffolder: Scaffolder = Field(default=Scaffolder(), description="How templates are run.")
    techdocs: Techdocs = Field(default=Techdocs(), description="Documentation beside the code, built and shown.")
    webhooks: OutgoingWebhooks = Field(default=(), description="Whom to tell of changes of the catalog.")
    proxy: Proxy = Field(default=Proxy(), description="Other systems that portals reach through Callboard.")
    plugins: Mapping[str, Mapping[str, Any]] = Field(
        default={}, description="What installed plugins are told, by the names of their entry points; each says itself what it understands."
    )

    @property
    def blob_storage(self) -> Storage | None:
        """Where files are kept; None where nothing is configured that all processes could reach."""
        published = self.techdocs.publisher.storage if self.techdocs.publisher else None
        return published or self.backend.storage or (None if self.backend.queue else Storage(url="file:.callboard/blobs"))

    @field_serializer("plugins")
    def _without_values(self, plugins: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, str]]:
        # Nobody but the plugin knows which of them are secrets.
        return {name: dict.fromkeys(section, "**********") for name, section in plugins.items()}
