"""Bitbucket Server and Data Center: repositories, discovery of catalog files, webhooks."""
