INSERT OR IGNORE INTO nodes (ref) SELECT value FROM json_each(:refs)
