"""Documentation: from what an entity says of it to a site that can be read."""
