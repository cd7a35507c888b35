"""Git repositories of any host, read with git itself."""
