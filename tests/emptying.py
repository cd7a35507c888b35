"""Empties a Neo4j between tests."""

from neo4j import GraphDatabase

from graph.stores.neo4j_migrations import SCHEMA


def empty(uri: str) -> None:
    """Leave nothing in the database but the schema, if that is the present one.

    Indexes that are made and dropped, as migrations do, have Neo4j plan all its queries anew, which takes it longer than most tests.
    """
    with GraphDatabase.driver(uri) as driver:
        if driver.execute_query("MATCH (s:SchemaVersion {version: $present}) RETURN s", present=len(SCHEMA)).records:
            driver.execute_query("MATCH (n) WHERE NOT n:SchemaVersion DETACH DELETE n")
            driver.execute_query("CREATE (:Counter {name: 'changes', sequence: 0})")
        else:
            driver.execute_query("MATCH (n) DETACH DELETE n")
