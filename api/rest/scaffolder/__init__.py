"""Backstage's scaffolder API at /api/scaffolder/v2: shapes and statuses are those of its backend."""
