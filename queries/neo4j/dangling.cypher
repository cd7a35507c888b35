MATCH (source:Ref)-[edge]->(target:%{label})
WHERE %{conditions}
WITH source, edge, target
ORDER BY target.ref, source.ref, type(edge)
SKIP $start
LIMIT $limit
RETURN collect([source.ref, type(edge), target.ref, edge.evidence])
