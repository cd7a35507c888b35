RETURN COUNT { (:Entity) }, COUNT { (:Placeholder) }, COUNT { ()-->() }, COUNT { (:CatalogError) }, COUNT { (:Change) }
