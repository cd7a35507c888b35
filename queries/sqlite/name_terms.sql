INSERT OR IGNORE INTO terms (term) SELECT value FROM json_each(:terms)
