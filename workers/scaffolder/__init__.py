"""Software templates: what they say, how they run, and what they leave behind."""
