"""The GraphQL types, one concept a module. Their sources are the values of the store port themselves."""
