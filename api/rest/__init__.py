"""What is served as plain JSON over HTTP beside GraphQL."""
