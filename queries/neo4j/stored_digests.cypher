UNWIND $places AS place
MATCH (f:SourceFile {locationId: place[0], path: place[1]})
RETURN collect([f.locationId, f.path, f.digest])
