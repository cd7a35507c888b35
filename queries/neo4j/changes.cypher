MATCH (c:Change)
WHERE c.sequence %{beyond} $after AND ($refs IS NULL OR c.ref IN $refs) AND %{visible}
WITH c
ORDER BY c.sequence %{ordering}
LIMIT $limit
RETURN collect([c.sequence, c.at, c.ref, c.operation, c.patch, c.causeKind, c.causeDetail])
