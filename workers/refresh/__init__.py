"""Refreshing: keeping the graph in step with its locations while a process runs."""
