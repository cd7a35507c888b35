SELECT json_array(count(*), coalesce(sum(${through_after}), 0), coalesce(sum(${before}), 0))
FROM (
  SELECT path, iif(line IS NULL, '', printf('%09d', line)) AS line_key, iif(column_number IS NULL, '', printf('%09d', column_number)) AS column_key, id
  FROM errors AS error
  WHERE ${wanted}
)
