UNWIND $places AS place
MATCH (s:StateRow {collection: place[0], id: place[1]})
DELETE s
