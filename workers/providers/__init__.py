"""Providers at work: when each reads, what happens when one fails, and what becomes of one that is no longer configured."""
