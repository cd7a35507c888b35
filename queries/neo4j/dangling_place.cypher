MATCH (source:Ref)-[edge]->(target:%{label})
WHERE %{conditions}
WITH [target.ref, source.ref, type(edge)] AS key
RETURN count(*),
  count(CASE WHEN $after IS NOT NULL AND key <= $after THEN 1 END),
  count(CASE WHEN $before IS NULL OR key < $before THEN 1 END)
