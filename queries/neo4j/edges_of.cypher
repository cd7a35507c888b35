UNWIND $refs AS asked
MATCH (e:Ref {ref: asked})
WHERE e:Entity AND %{visible}
CALL (e) {
  CALL (e) {
    %{branches}
  }
  RETURN collect([relation, direction, other.ref]) AS ends
}
RETURN collect([e.ref, ends])
