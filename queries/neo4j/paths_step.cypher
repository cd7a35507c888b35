UNWIND $nodes AS node
MATCH (e)
WHERE id(e) = node
CALL (e) {
  %{branches}
}
WITH e, other, relation, direction
WHERE other:Entity AND %{visible}
RETURN collect([id(e), id(other), other.ref, relation, direction])
