SELECT json_group_array(node)
FROM (
  SELECT source AS node FROM declarations WHERE declarer IN (SELECT value FROM json_each(:nodes))
  UNION
  SELECT target FROM declarations WHERE declarer IN (SELECT value FROM json_each(:nodes))
)
