"""Every query text of the stores, one named file each: neo4j/*.cypher and sqlite/*.sql."""

from importlib.resources import files


def load(name: str) -> str:
    """The text of one query, such as `sqlite/entities_by_ref.sql`. FileNotFoundError if there is none of that name."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
