SELECT json_group_array(json_array(json_array(path, line_key, column_key, id), record))
FROM (
  SELECT *, iif(line IS NULL, '', printf('%09d', line)) AS line_key, iif(column_number IS NULL, '', printf('%09d', column_number)) AS column_key
  FROM errors AS error
  WHERE ${wanted}
  ORDER BY path, line_key, column_key, id
  LIMIT :limit OFFSET :start
)
