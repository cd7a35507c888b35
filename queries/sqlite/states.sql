SELECT json_group_array(json_array(id, value, version, due))
FROM (
  SELECT id, value, version, due
  FROM states
  WHERE collection = :collection AND id > :after AND ${wanted}
  ORDER BY ${ordering}
  LIMIT :limit
)
