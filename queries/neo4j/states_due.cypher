MATCH (s:StateRow)
WHERE s.collection = $collection AND s.due <= $due_by AND s.id > $after AND ($ids IS NULL OR s.id IN $ids)
WITH s
ORDER BY s.due, s.id
LIMIT $limit
RETURN collect([s.id, s.value, s.version, s.due])
