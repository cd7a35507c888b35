UNWIND $refs AS asked
MATCH (e:Ref {ref: asked})
WHERE e:Entity AND %{visible}
CALL (e) {
  CALL (e) {
    %{branches}
  }
  WITH other, edge, relation, direction
  ORDER BY other.ref, relation, direction
  RETURN collect([[other.ref, relation, direction], edge]) AS rows
}
WITH e, rows,
  CASE WHEN $after IS NULL THEN 0 ELSE size([row IN rows WHERE row[0] <= $after]) END AS passed,
  CASE WHEN $before IS NULL THEN size(rows) ELSE size([row IN rows WHERE row[0] < $before]) END AS ahead
WITH e, rows,
  CASE
    WHEN NOT $backward THEN passed
    WHEN ahead - $limit > passed THEN ahead - $limit
    WHEN passed > ahead THEN ahead
    ELSE passed
  END AS start,
  CASE
    WHEN $backward THEN ahead
    WHEN passed + $limit < ahead THEN passed + $limit
    WHEN passed > ahead THEN passed
    ELSE ahead
  END AS stop
RETURN collect([e.ref, start > 0, stop < size(rows), [row IN rows[start..stop] | [row[0], (row[1]).evidence]]])
