SELECT json_group_array(id) FROM (SELECT id FROM (${candidates}) LIMIT :limit)
