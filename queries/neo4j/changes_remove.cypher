MATCH (c:Change)
WHERE c.sequence <= $until
DELETE c
RETURN count(*)
