"""Single files at plain addresses."""
