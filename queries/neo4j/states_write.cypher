UNWIND $rows AS row
MERGE (s:StateRow {collection: row.collection, id: row.id})
SET s.version = coalesce(s.version, 0) + 1, s.due = row.due, s.value = row.value
