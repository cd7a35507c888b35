MATCH (e:Entity)
WHERE e.uid IS NULL
WITH e.ref AS ref
LIMIT $limit
RETURN collect(ref)
