SELECT json_group_array(json_array(value, shown, entities))
FROM (
  SELECT fact.value AS value, min(coalesce(fact.shown, fact.value)) AS shown, count(*) AS entities
  FROM facts AS fact
  WHERE fact.path = (SELECT id FROM terms WHERE term = :path) AND ${chosen}
  GROUP BY fact.value
)
