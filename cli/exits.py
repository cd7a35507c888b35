"""The exit codes of every command."""

OK = 0
"""Done, or the answer is yes."""

FINDINGS = 1
"""Done, and there is something to look at."""

FAILURE = 2
"""Wrong usage, or it could not be done."""
