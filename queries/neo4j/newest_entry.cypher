OPTIONAL MATCH (c:Change)
WHERE c.sequence <= $until
WITH c
ORDER BY c.sequence DESC
LIMIT 1
RETURN c.sequence, c.at
