UNWIND $nodes AS node
MATCH (e)
WHERE id(e) = node
CALL (e) {
  %{branches}
}
WITH other, min([e.ref, relation, direction]) AS step
WHERE other:Entity AND %{visible}
WITH id(other) AS reached, other.ref AS ref, step
RETURN collect(reached), collect(ref), collect(step[0]), collect(step[1]), collect(step[2])
