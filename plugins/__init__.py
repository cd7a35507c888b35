"""Integrations with other systems, and the contract by which they, the core and plugins of others extend Callboard."""
