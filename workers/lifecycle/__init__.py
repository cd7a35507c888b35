"""Changing the catalog on request: registering and unregistering locations, pushed sets, refreshing on demand."""
