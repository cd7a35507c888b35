UNWIND $places AS place
OPTIONAL MATCH (f:SourceFile {locationId: place[0], path: place[1]})
DELETE f
WITH place
OPTIONAL MATCH (c:Claim {locationId: place[0], path: place[1]})
DELETE c
WITH DISTINCT place
OPTIONAL MATCH (x:CatalogError {locationId: place[0], path: place[1]})
DELETE x
