MATCH (r:Root)
WITH r
ORDER BY r.order, r.id
RETURN collect([r.id, r.type, r.target, r.origin, r.order, r.readAt, r.error])
