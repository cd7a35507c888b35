CALL () {
  MATCH (source:Ref)-[edge]->(target:%{label})
  WHERE %{missing_target}
  RETURN source, edge, target
  UNION
  MATCH (source:%{label})-[edge]->(target:Ref)
  WHERE %{missing_source}
  RETURN source, edge, target
}
WITH source, edge, target
ORDER BY target.ref, source.ref, type(edge)
SKIP $start
LIMIT $limit
RETURN collect([source.ref, type(edge), target.ref, edge.evidence])
