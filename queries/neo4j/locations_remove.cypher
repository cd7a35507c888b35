MATCH (r:Root)
WHERE r.id IN $ids
DELETE r
