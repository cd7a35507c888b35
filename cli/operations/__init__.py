"""The GraphQL operations of the commands, one file each."""
