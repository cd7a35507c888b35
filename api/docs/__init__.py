"""Documentation as people read it, at /docs."""
