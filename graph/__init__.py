"""The catalog as a graph: entities, refs, relations, conditions, and the port that stores them."""
