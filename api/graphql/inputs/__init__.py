"""What callers hand in: filters and orderings, translated into the conditions of the graph."""
