SELECT max(node) FROM entities
