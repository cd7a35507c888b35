"""What lies in the folder of a build: the process that asked for it and the one that builds agree on these names."""

SOURCES, SITE, TEMPORARY = "sources", "site", "temporary"
REPORT = "report.json"
