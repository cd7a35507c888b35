"""Where a TOML document is wrong."""

import re

_LINE = re.compile(r"at line (\d+)")


def toml_error_line(error: Exception) -> int:
    """The line that the parser's error names; 1 if it names none."""
    found = _LINE.search(str(error))
    return int(found[1]) if found else 1
