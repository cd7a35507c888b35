"""Webhooks: what hosts of repositories tell, and what is told to others."""
