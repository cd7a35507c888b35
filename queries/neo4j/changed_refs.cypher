MATCH (c:Change)
WHERE c.sequence > $after AND c.sequence <= $until AND c.ref > $beyond AND ($refs IS NULL OR c.ref IN $refs) AND %{visible}
WITH DISTINCT c.ref AS ref
ORDER BY ref
LIMIT $limit
RETURN collect(ref)
