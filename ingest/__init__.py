"""From sources to the graph: read, parse, validate, relate, diff, write."""
