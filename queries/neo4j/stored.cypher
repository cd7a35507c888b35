MATCH (n:Ref)
WHERE n.ref IN $refs
WITH n, n:Entity AND n.ref IN $entities AS asked
RETURN collect([
  n.ref,
  id(n),
  CASE WHEN asked THEN n.hash END,
  CASE WHEN asked THEN n.declares END,
  CASE WHEN asked THEN [label IN labels(n) WHERE NOT label IN ['Ref', 'Entity']] END
])
