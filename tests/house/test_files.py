"""What every file of the repository has to keep to."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Written in pieces, so that this file holds none of them.
REGISTRIES = re.compile(
    "|".join(
        ("pypi" + r"\.org", "python" + r"hosted\.org", "npm" + r"js\.(?:org|com)", "yarn" + r"pkg\.com")
        + ("proxy" + r"\.golang", "index" + "-url", "deb" + r"\.debian\.org")
    ),
    re.IGNORECASE,
)
MACHINE_PATHS = re.compile(r"(?<![A-Za-z0-9_.])/(?:root|work|farm|tmp|home|Users)/[A-Za-z0-9._-]")

NAMES_THE_OPTION = {"Makefile"}
"""Says to the lock's maker that no address is to be written."""


def tracked() -> list[Path]:
    """The files of the repository, those that are not committed yet included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [file for file in files if file.is_file()]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """The text files by name."""
    found = {}
    for file in tracked():
        data = file.read_bytes()
        if b"\0" not in data:
            found[file.relative_to(ROOT).as_posix()] = data.decode("utf-8", "replace")
    return found


def test_no_download_addresses(texts):
    """No file says where packages are downloaded from: that is the choice of who installs."""
    found = [name for name, text in texts.items() if name not in NAMES_THE_OPTION and REGISTRIES.search(text)]

    assert [] == found


def test_no_paths_of_one_machine(texts):
    """No file names a folder of the machine that it was written on."""
    found = [name for name, text in texts.items() if MACHINE_PATHS.search(text)]

    assert [] == found


def test_markdown_has_one_sentence_per_line(texts):
    """A line of prose in Markdown holds one sentence, so that a changed sentence is a changed line."""
    found = []
    for name, text in texts.items():
        if name.endswith(".md"):
            prose = re.sub(r"^```.*?^```$|^\|.*$|`[^`\n]*`", "x", text, flags=re.MULTILINE | re.DOTALL)
            found += [f"{name}: {line}" for line in prose.split("\n") if re.search(r"[a-z)]{2}[.!?] +[A-Z]", line)]

    assert [] == found


def test_the_configuration_in_the_readme_is_accepted(texts):
    """A newcomer copies it as it stands."""
    import sys

    from trainlint.config import read_config
    from trainlint.rules.registry import all_rules

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    block = re.search(r"```toml\n(.*?)```", texts["README.md"], re.DOTALL)
    table = tomllib.loads(block[1])["tool"]["trainlint"]

    assert ("shape", "loss", "TL101") == read_config(table, all_rules(), "pyproject.toml").select
