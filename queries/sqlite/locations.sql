SELECT json_group_array(json_array(id, type, target, origin, place, read_at, error)) FROM (SELECT * FROM locations ORDER BY place, id LIMIT -1)
