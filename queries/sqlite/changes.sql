SELECT '[' || group_concat(record) || ']'
FROM (
  SELECT change.record
  FROM changes AS change
  WHERE ${beyond} AND ${wanted} AND ${visible}
  ORDER BY change.sequence ${direction}
  LIMIT :limit
)
