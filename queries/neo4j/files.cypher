MATCH (f:SourceFile)
WHERE f.locationId = $location AND f.path IS NOT NULL
RETURN collect([f.locationId, f.path, f.digest, f.includes, f.targets, f.parent, f.claims, f.kept])
