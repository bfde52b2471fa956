"""The guides in docs/ say what is so: commands are taken, comments understood, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from trainlint.analysis import analyse
from trainlint.cli.main import group
from trainlint.config import Config, read_config
from trainlint.project import Project
from trainlint.rules.registry import all_rules

ROOT = Path(__file__).parents[2]

GUIDES = [ROOT / "docs" / f"{name}.md" for name in ("adopting", "ci", "probe", "stating-facts", "suppressing")]


def blocks(guide, *languages):
    """The blocks of code in some languages."""
    text = guide.read_text("utf-8")
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(guide):
    """The command lines of trainlint in a guide."""
    for block in blocks(guide, "sh", "groovy"):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.search(r"(?:^|/)trainlint ((?:baseline )?[a-z]+ [^#]*)", line.strip())
            if found:
                yield shlex.split(found[1])


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_commands_are_taken(guide):
    """Each command in a guide is one that there is, with options that it has and values that they take."""
    for words in commands(guide):
        command, context, name = group, click.Context(group), ""
        while isinstance(command, click.Group):
            name = words.pop(0)
            command = command.get_command(context, name)
        context = command.make_context(name, words)
        if name == "check":
            from trainlint.cli.outputs import outputs

            assert outputs(context.params["formats"], None)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_comments_are_understood(guide, tmp_path):
    """Programs in a guide are read without a note."""
    for number, block in enumerate(blocks(guide, "python")):
        text = f"import numpy as np\nimport tensorflow as tf\n{block}"
        analysis = analyse(text.encode(), str(tmp_path / f"{number}.py"), Project(tmp_path), Config())
        told = [finding.message for finding in analysis.findings if finding.rule == "unused-suppression"]

        assert () == analysis.notices
        assert [] == [message for message in told if "no rule is called" in message]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_configurations_are_accepted(guide):
    """What stands there can be copied."""
    tomllib = pytest.importorskip("tomllib")
    for block in blocks(guide, "toml"):
        assert read_config(tomllib.loads("[tool.trainlint]\n" + block if "[tool.trainlint]" not in block else block)[
            "tool"]["trainlint"], all_rules(), "pyproject.toml")  # fmt: skip


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_links_lead_somewhere(guide):
    """A link to a file of the repository names one."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", guide.read_text("utf-8"))

    assert [] == [link for link in links if not (guide.parent / link).exists()]


def test_formats_are_named():
    """The recipes name every format."""
    from trainlint.report.formats import FORMATS

    text = (ROOT / "docs" / "ci.md").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")

    assert [] == [name for name in FORMATS if name not in text]
    assert [] == [name for name in FORMATS if f"`{name}`" not in readme]
