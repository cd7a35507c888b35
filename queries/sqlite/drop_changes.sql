DELETE FROM changes WHERE sequence IN (SELECT value FROM json_each(:sequences))
