DELETE FROM entities WHERE node IN (SELECT value FROM json_each(:nodes))
