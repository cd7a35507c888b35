CALL () {
  MATCH (source:Ref)-[edge]->(target:%{label})
  WHERE %{missing_target}
  RETURN source, edge, target
  UNION
  MATCH (source:%{label})-[edge]->(target:Ref)
  WHERE %{missing_source}
  RETURN source, edge, target
}
WITH [target.ref, source.ref, type(edge)] AS key
RETURN count(*),
  count(CASE WHEN $after IS NOT NULL AND key <= $after THEN 1 END),
  count(CASE WHEN $before IS NULL OR key < $before THEN 1 END)
