"""The interfaces of the catalog: GraphQL over HTTP, and the server that carries them."""
