SELECT json_group_array(ref)
FROM (
  SELECT DISTINCT change.ref AS ref
  FROM changes AS change
  WHERE change.sequence > :after AND change.sequence <= :until AND +change.ref > :beyond AND ${wanted} AND ${visible}
  ORDER BY ref
  LIMIT :limit
)
