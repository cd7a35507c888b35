MATCH (r:Root)
WHERE r.id IN $ids
RETURN collect([
  r.id,
  COUNT { MATCH (f:SourceFile) WHERE f.locationId = r.id AND f.path IS NOT NULL },
  COUNT { MATCH (e:Entity) WHERE e.locationId = r.id },
  COUNT { MATCH (x:CatalogError) WHERE x.locationId = r.id }
])
