"""The REST API of Backstage's catalog, under /api/catalog."""
