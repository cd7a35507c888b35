"""Merging three versions of a text as git does."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from graph.errors import CallboardError
from plugins.git.command import environment_of

_SECONDS = 60
_MOST_CONFLICTS = 127
"""More than this many git counts as this many: https://git-scm.com/docs/git-merge-file#_description"""


class MergeError(CallboardError):
    """Git could not be run, took too long, or refused the texts."""

    code = "UNAVAILABLE"


def merge_texts(ours: bytes, before: bytes, theirs: bytes, names: Sequence[str]) -> tuple[bytes, int]:
    """Ours with what was changed from before to theirs, and in how many places they conflict; these are marked with the three names.

    MergeError where git can't merge them. Blocking.
    """
    with TemporaryDirectory(prefix="callboard-merge-") as folder:
        paths = [Path(folder, name) for name in ("ours", "before", "theirs")]
        for path, content in zip(paths, (ours, before, theirs), strict=True):
            path.write_bytes(content)
        labels = [argument for name in names for argument in ("-L", name)]
        command = ["git", "merge-file", "-p", "--diff3", *labels, "--", *(str(path) for path in paths)]
        environment = environment_of(Path(os.devnull))
        try:
            done = subprocess.run(command, capture_output=True, env=environment, check=False, timeout=_SECONDS)  # noqa: S603 - git, with a fixed command
        except (OSError, subprocess.SubprocessError) as error:
            raise MergeError("texts can't be merged: git can't be run on this machine, or took too long") from error
    if not 0 <= done.returncode <= _MOST_CONFLICTS:
        raise MergeError("texts can't be merged: git refuses them")
    return done.stdout, done.returncode
