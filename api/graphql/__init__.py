"""The GraphQL contract: its schema, the resolvers and the loaders that ask the store."""
