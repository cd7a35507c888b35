MATCH (f:SourceFile)
WHERE f.locationId = $location
RETURN collect([f.locationId, f.path, f.digest, f.includes, f.targets, f.parent, f.claims, f.kept])
