UNWIND $errors AS error
MERGE (x:CatalogError {id: error.id})
SET x = error
