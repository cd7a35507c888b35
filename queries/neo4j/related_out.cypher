MATCH (e)-[edge:%{types}]->(other:Ref)
WHERE %{conditions}
RETURN other, edge, type(edge) AS relation, 'out' AS direction
