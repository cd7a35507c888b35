"""The adapters of the store port, and which of them a configuration asks for."""

from config.backend import Database, Neo4jConnection, SqliteDatabase
from graph.relations import RelationRegistry
from graph.store import Store
from graph.stores.sqlite import SqliteStore


def store_from(database: Database, registry: RelationRegistry) -> Store:
    """The store that the configuration names, not yet opened."""
    if isinstance(database, SqliteDatabase):
        return SqliteStore(database.connection.filename, registry)
    return _neo4j_store(database.connection, registry)


def _neo4j_store(connection: Neo4jConnection, registry: RelationRegistry) -> Store:
    from graph.stores.neo4j import Neo4jStore  # noqa: PLC0415 - importing the driver takes half a second, which SQLite should not cost

    password = connection.password.get_secret_value() if connection.password else None
    return Neo4jStore(connection.uri, connection.user, password, connection.database, registry)
