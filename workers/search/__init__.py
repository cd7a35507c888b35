"""Search: documents collated from the catalog, kept in an index behind one port, and asked with one query language."""
