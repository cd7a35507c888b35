"""Azure DevOps, Services and Server: repositories, discovery of catalog files."""
