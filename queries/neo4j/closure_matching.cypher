UNWIND $nodes AS node
MATCH (e)
WHERE id(e) = node AND %{matches}
RETURN collect(node)
