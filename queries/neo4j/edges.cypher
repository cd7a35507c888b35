MATCH (source:Entity)-[edge:%{types}]->(target:Entity)
WHERE %{conditions}
RETURN collect([source.ref, type(edge), target.ref])
