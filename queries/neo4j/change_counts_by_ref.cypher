MATCH (c:Change)
WHERE c.ref IN $refs AND %{visible}
WITH c.ref AS ref, count(c) AS entries
RETURN collect([ref, entries])
