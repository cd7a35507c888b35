"""Bitbucket Cloud: repositories, discovery of catalog files, webhooks."""
