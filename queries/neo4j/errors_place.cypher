MATCH (x:CatalogError)
WHERE %{conditions}
WITH [x.path, x.lineKey, x.columnKey, x.id] AS key
RETURN count(*),
  count(CASE WHEN $after IS NOT NULL AND key <= $after THEN 1 END),
  count(CASE WHEN $before IS NULL OR key < $before THEN 1 END)
