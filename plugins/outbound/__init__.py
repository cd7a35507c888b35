"""Every request to another system: which hosts and addresses may be reached, how often, how much is taken in, and how long it may take."""
