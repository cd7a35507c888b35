MATCH (x:CatalogError)
WHERE %{conditions}
WITH x
ORDER BY x.path, x.lineKey, x.columnKey, x.id
SKIP $start
LIMIT $limit
RETURN collect([x.locationId, x.path, x.code, x.message, x.remedy, x.document, x.line, x.column, x.ref])
