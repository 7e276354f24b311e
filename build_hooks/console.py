"""Puts the built console (api/web) into the wheel; an editable install needs none."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleHook(BuildHookInterface[Any]):
    """Runs `npm ci` and `npm run build` in api/console; without npm, takes what was built before."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        if version == "editable" or self.target_name != "wheel":
            return
        root = Path(self.root)
        console, built = root / "api" / "console", root / "api" / "web" / "index.html"
        npm = os.environ.get("FLEETFUME_NPM") or shutil.which("npm")
        if (console / "package.json").exists() and npm:
            if not (console / "node_modules").exists():
                subprocess.run([npm, "ci"], cwd=console, check=True)
            subprocess.run([npm, "run", "build"], cwd=console, check=True)
        if not built.exists():
            raise RuntimeError("the console is not built and npm is not here: run 'make console' first")
