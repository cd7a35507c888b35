DELETE FROM locations WHERE id IN (SELECT value FROM json_each(:ids))
