DELETE FROM texts WHERE node IN (SELECT value FROM json_each(:nodes))
