UPDATE nodes SET present = 1 WHERE id IN (SELECT value FROM json_each(:nodes)) AND NOT present
