"""The little of GitHub's runner that a composite action needs, so that its steps run as they are written."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from repositories import NOBODY

ROOT = Path(__file__).parents[1]

ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))


class Runner:
    """Runs the action in a folder; steps that use other actions are only noted, in `used`."""

    def __init__(self, workspace: Path, temporary: Path, environment: dict[str, str], **github: Any) -> None:
        self.workspace = workspace
        self.files = {name: temporary / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in self.files.values():
            file.write_text("")
        self.environment = {
            **os.environ, **NOBODY, **environment, "RUNNER_TEMP": str(temporary),
            **{name: str(path) for name, path in self.files.items()},
        }  # fmt: skip
        self.github = {"action_path": str(ROOT), **github}
        self.outputs: dict[str, str] = {}
        self.used: list[str] = []
        self.log = ""

    def run(self, skip: tuple[str, ...] = (), **inputs: str) -> int:
        """Runs the steps and gives the status of the first that failed, 0 if none did."""
        known = {name: each.get("default", "") for name, each in ACTION["inputs"].items()}
        self.values = {**known, **{name.replace("_", "-"): value for name, value in inputs.items()}}
        for step in ACTION["runs"]["steps"]:
            if step["name"] in skip or not self._wanted(step.get("if", "")):
                continue
            if "uses" in step:
                self.used.append(f"{step['uses']} {self._text(step['with']['sarif_file'])}")
                continue
            status = self._script(step)
            if status and not step.get("continue-on-error"):
                return status
        return 0

    def _script(self, step: dict[str, Any]) -> int:
        environment = {name: self._text(value) for name, value in step.get("env", {}).items()}
        folder = self.workspace / self._text(step.get("working-directory", "."))
        before = self.files["GITHUB_OUTPUT"].read_text()
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=folder, env={**self.environment, **environment}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.log += done.stdout + done.stderr
        new = self.files["GITHUB_OUTPUT"].read_text()[len(before) :]
        self.outputs.update(line.split("=", 1) for line in new.splitlines())
        return done.returncode

    def _text(self, value: str) -> str:
        return re.sub(r"\$\{\{ *([\w.-]+) *\}\}", lambda match: str(self._value(match[1])), value)

    def _wanted(self, condition: str) -> bool:
        python = condition.replace("&&", " and ").replace("||", " or ").replace("false", "False")
        python = re.sub(r"\b(?:inputs|steps|github)\.[\w.-]+", lambda match: repr(self._value(match[0])), python)
        return not condition or bool(eval(python))

    def _value(self, name: str) -> Any:
        if name.startswith("inputs."):
            return self.values[name.removeprefix("inputs.")]
        if name.startswith("steps.check.outputs."):
            return self.outputs.get(name.removeprefix("steps.check.outputs."), "")
        return self.github.get(name.removeprefix("github."), "")
