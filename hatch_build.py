"""The build hook that puts what browsers load, GraphiQL and Mermaid, into the wheel, and beside the sources for an editable install."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebBuildHook(BuildHookInterface[Any]):
    """Makes both; without the npm registry the install goes on, and the pages say what is missing."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        build_data["artifacts"] += ["/api/graphql/graphiql/**", "/api/docs/mermaid/**"]
        finished = subprocess.run([sys.executable, Path(self.root) / "web" / "build.py"], check=False)
        if finished.returncode:
            self.app.display_warning("GraphiQL or Mermaid is missing; the rest is installed. In a clone scripts/web tries again.")
