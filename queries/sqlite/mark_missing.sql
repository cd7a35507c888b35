UPDATE nodes SET present = 0 WHERE id IN (SELECT value FROM json_each(:nodes))
