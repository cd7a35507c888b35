"""Clones of Git repositories in a local folder."""
