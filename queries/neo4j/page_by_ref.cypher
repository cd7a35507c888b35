MATCH (e:Ref:Entity)
WHERE %{matches} AND %{bounds}
WITH e
ORDER BY %{ordering}
SKIP $skip
LIMIT $limit
RETURN collect([e.ref, e.document, e.locationId, e.path, e.index, e.line, e.parent, e.orphan])
