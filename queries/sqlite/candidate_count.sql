SELECT count(*) FROM (SELECT id FROM (${candidates}) LIMIT :limit)
