"""How much a request, a connection, a principal and an address may take."""
