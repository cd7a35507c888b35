"""Gitea and Forgejo: repositories, discovery of catalog files, webhooks."""
