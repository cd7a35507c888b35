MATCH (s:StateRow)
WHERE s.collection = $collection AND s.id > $after AND ($ids IS NULL OR s.id IN $ids)
WITH s
ORDER BY s.id
LIMIT $limit
RETURN collect([s.id, s.value, s.version, s.due])
