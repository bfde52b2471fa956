"""Where a project starts and which configuration counts."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from trainlint.config import Config, ConfigError
from trainlint.project import find_root
from trainlint.project.roots import ConfigFinder


class Rule(NamedTuple):
    """A rule as the configuration sees it."""

    name: str = "label-order"
    code: str = "TL602"
    category: str = "data"


def write(path, content=""):
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a/pyproject.toml:[tool.trainlint]", "a/b/.git/x"], "a"),
        (["a/pyproject.toml:tool = {trainlint = {}}", "a/b/.git/x"], "a"),
        (["a/pyproject.toml:# trainlint", "a/b/setup.py", "a/.git/x"], "a"),
        ([".git:gitdir: elsewhere", "a/pyproject.toml:[project]"], "."),
        (["a/pyproject.toml:[project"], "a"),
        (["a/setup.cfg", "setup.py"], "a"),
        ([], "a/b"),
    ],
)
def test_root(tmp_path, files, expected):
    """A configuration wins over a repository, that over packaging, and that over the folder of the file."""
    write(tmp_path / "a/b/train.py")
    for file in files:
        name, _, content = file.partition(":")
        write(tmp_path / name, content)

    assert (tmp_path / expected).resolve() == find_root(tmp_path / "a/b/train.py")
    assert (tmp_path / expected).resolve() == find_root(tmp_path / "a/b")


def test_root_of_missing_file(tmp_path):
    """A file that was never saved has a root as well."""
    assert tmp_path == find_root(str(tmp_path / "new.py"))


def test_nearest_configuration_counts(tmp_path):
    """The nearest pyproject.toml that configures trainlint counts, whatever stands between."""
    write(tmp_path / "pyproject.toml", "[tool.trainlint]\nignore = ['data']\n")
    write(tmp_path / "a/pyproject.toml", "[project]\n")
    write(tmp_path / "a/b/pyproject.toml", "[tool.trainlint]\n")
    find = ConfigFinder([Rule()])

    assert ("data",) == find(str(tmp_path / "a")).ignore
    assert str(tmp_path) == find(str(tmp_path / "a")).root
    assert Config(file=str(tmp_path / "a/b/pyproject.toml"), root=str(tmp_path / "a/b")) == find(
        str(tmp_path / "a/b/c")
    )


def test_no_configuration(tmp_path):
    """Without a configuration the default one counts."""
    assert Config() == ConfigFinder([Rule()])(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[tool.trainlint]\nselect = 1\n", "tool.trainlint.select: must be a list of strings"),
        ("tool = {trainlint = 1}\n", "tool.trainlint must be a table"),
        ("tool = 3  # trainlint\n", "tool must be a table"),
        ("[tool.trainlint\n", "Expected ']' at the end of a table declaration (at line 1, column 16)"),
    ],
)
def test_wrong_configuration(tmp_path, content, message):
    """A configuration that is wrong is an error that names the file."""
    write(tmp_path / "pyproject.toml", content)

    with pytest.raises(ConfigError) as caught:
        ConfigFinder([Rule()])(str(tmp_path))

    assert f"{tmp_path / 'pyproject.toml'}: {message}" == str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_configuration_in_another_encoding(tmp_path, encoding):
    """TOML is UTF-8; a configuration that some editor wrote otherwise is an error, not the absence of one."""
    (tmp_path / "pyproject.toml").write_bytes("[tool.trainlint]\n".encode(encoding))

    with pytest.raises(ConfigError, match="not UTF-8"):
        ConfigFinder([Rule()])(str(tmp_path))


def test_configuration_that_cannot_be_read(tmp_path):
    """What is there and cannot be read may configure something; what is not there does not."""
    (tmp_path / "pyproject.toml").mkdir()

    with pytest.raises(ConfigError, match="Is a directory"):
        ConfigFinder([Rule()])(str(tmp_path))
