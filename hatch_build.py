"""The build hook that puts GraphiQL's built files into the wheel, and beside the sources for an editable install."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class GraphiqlBuildHook(BuildHookInterface[Any]):
    """Builds GraphiQL; without the npm registry the install goes on, and the page at /graphql says what to do."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        build_data["artifacts"].append("/api/graphql/graphiql/**")
        script = Path(self.root) / "web" / "graphiql" / "build.py"
        finished = subprocess.run([sys.executable, script], check=False)
        if finished.returncode:
            self.app.display_warning("GraphiQL could not be built; the rest is installed. In a clone scripts/graphiql tries again.")
