"""The process that builds one site with mkdocs and ends: it is told what to build on its input, and writes what it found beside the site.

It is started without environment, in a folder of its own, and gives up what it can before it looks at what a repository holds.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from workers.techdocs import confinement
from workers.techdocs.layout import REPORT, SITE, SOURCES

_LESS_URGENT = 10
_MOVED = {"materialx.emoji": "material.extensions.emoji"}


def main() -> int:
    """Build as told. The exit code is 0 for a site, 1 where the report says why there is none."""
    job: Mapping[str, Any] = json.load(sys.stdin)
    folder = Path(job["folder"])
    # Nobody waits for a build as they do for a page.
    os.nice(_LESS_URGENT)
    confinement.limit(job["memoryBytes"], job["seconds"], job["fileBytes"])
    if job["ownUser"]:
        confinement.limit_processes()
    # Of Callboard itself nothing can be read afterwards.
    events_class = import_module("workers.techdocs.page_events").PageEvents
    interfaces = confinement.interfaces()
    given_up = confinement.give_up_files(folder)
    if job["settings"] is None:
        (folder / REPORT).write_text(json.dumps({"interfaces": interfaces, "filesGivenUp": given_up}), encoding="utf-8")
        return 0
    os.umask(0o077)
    return _build(folder, job["settings"], events_class(folder / SOURCES))


def _build(folder: Path, settings: Mapping[str, Any], events: Any) -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(levelname)-8s %(message)s")
    error: str | None = None
    try:
        _run_mkdocs(folder, settings, events)
    except (Exception, SystemExit) as failure:  # whatever it is ends this build, and this alone
        logging.getLogger("mkdocs").exception("The build ended")
        error = f"{type(failure).__name__}: {failure}"
    report = {"error": error, "problems": events.problems, "leftOut": events.left_out, "pages": events.pages}
    (folder / REPORT).write_text(json.dumps(report), encoding="utf-8")
    return 1 if error else 0


def _run_mkdocs(folder: Path, settings: Mapping[str, Any], events: Any) -> None:
    config_class = import_module("mkdocs.config.defaults").MkDocsConfig
    config = config_class(config_file_path=str(folder / SOURCES / "mkdocs.yml"))
    config.load_dict({**_decoded(settings), "site_dir": str(folder / SITE)})
    errors, _ = config.validate()
    if errors:
        raise ValueError("; ".join(f"{name}: {error}" for name, error in errors))
    config.plugins["callboard"] = events
    config.plugins.on_startup(command="build", dirty=False)
    import_module("mkdocs.commands.build").build(config)


def _decoded(value: Any) -> Any:
    """The settings with the functions that they name. The parent let no other names through than those that it knows."""
    if isinstance(value, list):
        return [_decoded(below) for below in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    given = cast("dict[str, Any]", value)
    if "$python" not in given:
        return {key: _decoded(below) for key, below in given.items()}
    module, _, name = str(given["$python"]).rpartition(".")
    function = getattr(import_module(_MOVED.get(module, module)), name)
    return function if given["arguments"] is None else function(**given["arguments"])


if __name__ == "__main__":
    sys.exit(main())
