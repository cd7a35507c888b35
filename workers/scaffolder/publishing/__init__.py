"""The actions that make repositories, pull requests and what belongs to them on the hosts of `integrations`."""
