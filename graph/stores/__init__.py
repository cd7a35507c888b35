"""The adapters of the store port, and which of them a configuration asks for. Each brings a driver that the other should not cost."""

from config.backend import Database, Neo4jConnection, SqliteConnection, SqliteDatabase
from graph.relations import RelationRegistry
from graph.store import Store


def store_from(database: Database, registry: RelationRegistry) -> Store:
    """The store that the configuration names, not yet opened."""
    if isinstance(database, SqliteDatabase):
        return _sqlite_store(database.connection, registry)
    return _neo4j_store(database.connection, registry)


def _sqlite_store(connection: SqliteConnection, registry: RelationRegistry) -> Store:
    from graph.stores.sqlite import SqliteStore  # noqa: PLC0415 - two megabytes of a process that is on Neo4j

    return SqliteStore(connection.filename, registry)


def _neo4j_store(connection: Neo4jConnection, registry: RelationRegistry) -> Store:
    from graph.stores.neo4j import Neo4jStore  # noqa: PLC0415 - importing the driver takes half a second

    password = connection.password.get_secret_value() if connection.password else None
    return Neo4jStore(connection.uri, connection.user, password, connection.database, registry)
