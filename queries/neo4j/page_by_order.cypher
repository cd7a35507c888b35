MATCH (e:Ref:Entity)
WHERE %{matches}
WITH e, e.ref AS ref, %{keys}
WHERE %{bounds}
WITH e, ref, %{names}
ORDER BY %{ordering}
SKIP $skip
LIMIT $limit
RETURN collect([e.ref, e.document, e.locationId, e.path, e.index, e.line, e.parent, e.orphan, %{names}])
