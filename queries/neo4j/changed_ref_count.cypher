MATCH (c:Change)
WHERE c.sequence > $after AND c.sequence <= $until AND ($refs IS NULL OR c.ref IN $refs) AND %{visible}
RETURN count(DISTINCT c.ref)
