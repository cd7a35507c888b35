INSERT INTO states (collection, id, version, due, value) VALUES (:collection, :id, 1, :due, :value)
ON CONFLICT (collection, id) DO UPDATE SET version = version + 1, due = excluded.due, value = excluded.value
