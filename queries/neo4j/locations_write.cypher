UNWIND $locations AS location
MERGE (r:Root {id: location.id})
SET r = location
