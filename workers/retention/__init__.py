"""Keeping the log of changes within bounds: what is too old is cut off, what is old is merged."""
