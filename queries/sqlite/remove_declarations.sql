DELETE FROM declarations WHERE declarer IN (SELECT value FROM json_each(:nodes))
