"""People of LDAP directories."""
