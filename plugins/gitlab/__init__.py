"""GitLab: repositories, discovery of catalog files, groups and users, webhooks."""
