"""The command line with an analysis and rules made by hand."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from repositories import NOBODY, Repository
from reviewed import BUG, OLD, Result
from stand_ins import Analysed
from trainlint import analysis
from trainlint.cli import main
from trainlint.finding import Edit, Fix

DOCUMENTATION = """
## What it does
Reports `bad()`.

## Why it is bad
It hurts. Very much.

## Fix safety
Safe: nothing else calls it.
"""


def rule(name: str, code: str, category: str) -> Any:
    """A rule as far as the command line looks at it."""
    return SimpleNamespace(
        name=name,
        code=code,
        category=category,
        severity="warning",
        since="0.1",
        rank=60 if category == "shape" else 10,
        summary="Reports `bad()`.",
        documentation=DOCUMENTATION,
    )


RULES = (rule("bad-call", "TL801", "training"), rule("silent-loss-broadcast", "TL701", "shape"))


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry of two rules."""
    registry = ModuleType("trainlint.rules.registry")
    registry.all_rules = lambda: RULES  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trainlint.rules.registry", registry)


def analyse(data: bytes, path: str, project: Any, config: Any, previous: Any = None, editing: bool = True) -> Any:
    """Finds each `bad()`; `fail()` is a fault of the analysis itself."""
    text = data.decode("utf-8")
    if "fail()" in text:
        raise RuntimeError("out of\nluck")
    analysed = Analysed(text, path)
    if config.enabled(RULES[0], path):
        for nth in range(text.count("bad()")):
            severity = "info" if "# mild" in text else "warning"
            fix = Fix("Call good()", "safe", (Edit(path, *analysed.offsets(("bad()", nth)), "good()"),))
            analysed.find("bad-call", ("bad()", nth), "bad() is called", code="TL801", severity=severity, fixes=(fix,))
    return analysed


@pytest.fixture
def run(rules: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """Runs a command line in an empty folder; the result has `exit_code`, `stdout` and `stderr`."""
    monkeypatch.setattr(analysis, "analyse", analyse, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(main.TRACEBACK, raising=False)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*args: str, input: bytes | str | None = None) -> Any:
        @main.click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
        @main.click.argument("args", nargs=-1, type=main.click.UNPROCESSED)
        def command(args: tuple[str, ...]) -> None:
            sys.exit(main.run(args))

        return CliRunner().invoke(command, args, input=input)

    return run


@pytest.fixture
def trainlint(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command line, with the configuration of nobody."""
    for name, value in {**NOBODY, "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)

    def run(*args: str) -> Result:
        @main.click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
        @main.click.argument("args", nargs=-1, type=main.click.UNPROCESSED)
        def command(args: tuple[str, ...]) -> None:
            raise SystemExit(main.run(args))

        done = CliRunner().invoke(command, args)
        return Result(done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def repository(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, trainlint: Any) -> Repository:
    """An old file with its baseline on main; on the branch that is checked out it has one mistake more."""
    made = Repository(tmp_path / "répo").write(old=OLD)
    monkeypatch.chdir(made.folder)
    assert 0 == trainlint("baseline", "create").status
    made.commit()
    made.git("checkout", "-q", "-b", "work")
    made.commit(old=OLD + BUG)
    return made
