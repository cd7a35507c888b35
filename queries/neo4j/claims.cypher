MATCH (c:Claim)
WHERE c.ref IN $refs
WITH c
ORDER BY c.locationId, c.path, c.document
RETURN collect([c.ref, c.locationId, c.path, c.document, c.line, c.reading])
