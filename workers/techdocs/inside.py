"""Whether a path that somebody wrote stays where it starts."""


def leads_down(path: str) -> bool:
    """Whether a relative path with slashes stays in its folder, whatever is there; the folder itself is inside."""
    if not path or path.startswith(("/", "~")) or "\\" in path or "\0" in path or ":" in path.partition("/")[0]:
        return False
    depth = 0
    for part in path.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return False
    return True
