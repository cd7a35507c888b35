MATCH (c:Change)
WHERE c.sequence IN $sequences
DELETE c
