MATCH (c:Change)
WHERE ($refs IS NULL OR c.ref IN $refs) AND %{visible}
RETURN count(c)
