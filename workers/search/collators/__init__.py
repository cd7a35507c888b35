"""What makes search documents: of entities, of API definitions, and of built documentation."""
