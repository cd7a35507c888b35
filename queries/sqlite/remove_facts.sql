DELETE FROM facts WHERE node IN (SELECT value FROM json_each(:nodes))
